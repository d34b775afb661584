namespace Hypercall;

/// <summary>What CPUID leaves in its four registers.</summary>
public readonly struct CpuidResult
{
    /// <summary>Takes the four registers.</summary>
    /// <param name="eax">EAX.</param>
    /// <param name="ebx">EBX.</param>
    /// <param name="ecx">ECX.</param>
    /// <param name="edx">EDX.</param>
    public CpuidResult(uint eax, uint ebx, uint ecx, uint edx)
    {
        Eax = eax;
        Ebx = ebx;
        Ecx = ecx;
        Edx = edx;
    }

    /// <summary>EAX.</summary>
    public uint Eax { get; }

    /// <summary>EBX.</summary>
    public uint Ebx { get; }

    /// <summary>ECX.</summary>
    public uint Ecx { get; }

    /// <summary>EDX.</summary>
    public uint Edx { get; }
}
