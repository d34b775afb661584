using System.Globalization;

namespace Hypercall.Testing;

/// <summary>What a program sees of what is under a fake guest.</summary>
internal sealed class FakeSigns(FakeMachine machine) : IHypervisorSigns
{
    private const string Status = "/proc/self/status"; // Linux, Documentation/filesystems/proc.rst, table 1-2

    public ICpuid Cpuid => machine.Cpuid;

    public ICpuid? TryGetForcedCpuid() =>
        machine.Personality.ForcedSignatures is { Count: > 0 } signatures ? new ForcedCpuid(signatures) : null;

    public string? TryReadFile(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return machine.Options.Files.TryGetValue(path, out string? text) ? text
            : machine.Personality.FileAt(path) ?? (path == Status ? Cpus() : null);
    }

    public bool FileExists(string path) => TryReadFile(path) is not null;

    private string Cpus() => machine.Options.Cpus == 1
        ? "Cpus_allowed_list:\t0\n"
        : string.Create(CultureInfo.InvariantCulture, $"Cpus_allowed_list:\t0-{machine.Options.Cpus - 1}\n");

    private sealed class ForcedCpuid(IReadOnlyList<FakeCpuidSignature> signatures) : ICpuid
    {
        public CpuidResult Query(uint leaf, uint subleaf = 0) =>
            signatures.FirstOrDefault(one => one.Leaf == leaf) is { } signature
                ? FakeCpuid.SignatureLeaf(signature.Text, signature.MaxLeaf)
                : default;
    }
}
