namespace Hypercall.Testing.Tests;

/// <summary>What a test expects of the fake machine when the program under test breaks it.</summary>
internal static class OracleAssert
{
    /// <summary>The code throws <see cref="FakeMachineException"/>, of this oracle.</summary>
    public static FakeMachineException Speaks(FakeOracle oracle, Action misdeed)
    {
        FakeMachineException thrown = Assert.Throws<FakeMachineException>(misdeed);
        Assert.Equal(oracle, thrown.Oracle);
        return thrown;
    }
}
