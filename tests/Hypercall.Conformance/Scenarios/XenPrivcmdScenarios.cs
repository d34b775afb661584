using System.Text;
using Hypercall.Linux;
using Hypercall.Native;

namespace Hypercall.Conformance.Scenarios;

/// <summary>Xen's device, /dev/xen/privcmd: versions, memory by virtual address, and numbers and commands that there are
/// not.</summary>
internal static class XenPrivcmdScenarios
{
    private const ulong XenVersion = 17; // __HYPERVISOR_xen_version: xen/include/public/xen.h; its commands: public/version.h
    private const ulong Version = 0;
    private const ulong ExtraVersion = 1;
    private const ulong Features = 6;
    private const ulong NoSuchCommand = 4711;
    private const ulong NoSuchNumber = 63; // the last that a hypercall page has
    private const long NotServed = -38;    // ENOSYS
    private const int ExtraVersionLength = 16;

    public static IEnumerable<Scenario> All { get; } =
    [
        new("xen privcmd: the version, a command and a number that there are not", Needs.XenPrivcmd, Versions),
        new("xen privcmd: Xen writes into a buffer of its device's", Needs.XenPrivcmd, IntoBuffer),
        new("xen privcmd: features by a struct that goes in and comes back", Needs.XenPrivcmd, FeatureMap),
        new("xen privcmd: an address that is not mapped is Xen's EFAULT, and an answer", Needs.XenPrivcmd, BadAddress),
        new("xen privcmd: a number that the kernel would cut is refused", Needs.XenPrivcmd, LongNumber),
    ];

    /// <summary>Why there is no such device, or it takes no call; null when it does.</summary>
    public static string? WhyNot()
    {
        HypercallProbe probe = new XenPrivcmdProvider().Probe(new NativeCpuid());
        if (!probe.IsUsable)
        {
            return probe.Reason;
        }

        using NativeMachine machine = Open();
        return Function(machine).TryCall(out _, Version).Refusal?.Reason; // kernels restrict it in unprivileged guests
    }

    private static NativeMachine Open() => new([new XenPrivcmdProvider()]);

    private static HypercallFunction Function(NativeMachine machine, ulong number = XenVersion) =>
        new(machine, HypercallConvention.Xen, number);

    private static void Versions(ScenarioContext context)
    {
        using NativeMachine machine = Open();
        ulong version = Function(machine).Call(Version).Value;
        Check.That(version >> 16 is >= 3 and < 100, $"the version is 0x{version:x}");
        Check.Equal(NotServed, (long)Function(machine).Call(NoSuchCommand).Value, "a command that there is not");
        HypercallResult unknown = Function(machine, NoSuchNumber).Call();
        Check.Equal(NotServed, (long)unknown.Value, "a number that there is not");
        Check.That(unknown.IsFailure);
        context.Note($"Xen {version >> 16}.{version & 0xffff}");
    }

    private static void IntoBuffer(ScenarioContext context)
    {
        using NativeMachine machine = Open();
        using XenMemory memory = new();
        using GuestBuffer buffer = memory.Allocate(ExtraVersionLength);
        buffer.Span.Fill(0xEE);
        Check.Equal(0ul, Function(machine).Call(ExtraVersion, buffer.Address.Value).Value);
        int end = buffer.Span.IndexOf((byte)0);
        string text = Encoding.ASCII.GetString(buffer.Span[..end]);
        Check.That(text.StartsWith('.'), $"the extra version is '{text}'");
        context.Note(text);
    }

    // struct xen_feature_info { uint32_t submap_idx; uint32_t submap; }
    private static void FeatureMap(ScenarioContext context)
    {
        using NativeMachine machine = Open();
        using XenMemory memory = new();
        using GuestBuffer buffer = memory.Allocate(8);
        Check.Equal(0ul, Function(machine).Call(Features, buffer.Address.Value).Value);
        uint map = buffer.AsSpan<uint>()[1];
        Check.That(map != 0, "Xen has features");
        context.Note($"features 0x{map:x}");
    }

    private static void BadAddress(ScenarioContext context)
    {
        const long Fault = -14; // EFAULT
        using NativeMachine machine = Open();
        Check.Equal(Fault, (long)Function(machine).Call(ExtraVersion, 0x1000).Value);
        context.Note("-14");
    }

    private static void LongNumber(ScenarioContext context)
    {
        using NativeMachine machine = Open();
        HypercallStatus status = Function(machine, (1ul << 32) + XenVersion).TryCall(out _, Version);
        Check.That(status.IsRefused, status.ToString());
        context.Note(status.Refusal!.Message);
    }
}
