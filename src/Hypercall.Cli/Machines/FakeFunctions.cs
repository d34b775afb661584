using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>What the tool's fake VMM can do, beside what every VMM of its personality can.</summary>
internal static class FakeFunctions
{
    /// <summary>The function of the demonstration: takes three words and gives 10.</summary>
    public const string Foo = "foo";

    public static void Register(FakeVmm fake) => fake.On(Foo, call => call.Rax = 10);
}
