namespace Hypercall;

/// <summary>A machine of which nothing but its CPUID is known.</summary>
internal sealed class CpuidSigns(ICpuid cpuid) : IHypervisorSigns
{
    public ICpuid Cpuid => cpuid;

    public ICpuid? TryGetForcedCpuid() => null;

    public string? TryReadFile(string path) => null;

    public bool FileExists(string path) => false;
}
