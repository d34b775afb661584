namespace Hypercall.Tests.Detection;

/// <summary>What is under a guest that does not exist.</summary>
internal sealed class MadeUpSigns : IHypervisorSigns
{
    public TableCpuid Cpuid { get; init; } = new();

    public ICpuid? Forced { get; init; }

    public Dictionary<string, string> Files { get; init; } = [];

    ICpuid IHypervisorSigns.Cpuid => Cpuid;

    public ICpuid? TryGetForcedCpuid() => Forced;

    public string? TryReadFile(string path) => Files.GetValueOrDefault(path);

    public bool FileExists(string path) => Files.ContainsKey(path);
}
