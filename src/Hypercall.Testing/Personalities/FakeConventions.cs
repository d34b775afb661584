namespace Hypercall.Testing;

/// <summary>How a VMM takes a frame for a call.</summary>
internal static class FakeConventions
{
    /// <summary>Whether a frame has all constants of a convention.</summary>
    public static bool IsCall(HypercallConvention convention, in HypercallRegisters registers)
    {
        foreach ((RegisterField field, ulong value) in convention.Constants)
        {
            if (field.Read(in registers) != value)
            {
                return false;
            }
        }

        return true;
    }
}
