using System.Globalization;
using System.Runtime.InteropServices;
using Hypercall.BitVisor;
using Hypercall.Conformance.Interop;
using Hypercall.Conformance.Scenarios;
using Hypercall.Native;

namespace Hypercall.Conformance;

/// <summary>The machine this process runs on: its CPU, whatever VMM is under it, its kernel.</summary>
internal sealed unsafe class RealMachine : IConformanceMachine
{
    private const string CompactFile = "/proc/sys/vm/compact_memory";
    private static RealMachine? s_only; // its VMM is not to be had anew either

    private readonly RigWay _way;
    private readonly NativeMachine _native;
    private readonly Dictionary<Needs, string> _lacks = [];

    private RealMachine(RigWay way)
    {
        _way = way;
        _native = new NativeMachine(way.Providers());
        BitVisorClient vmm = new(_native, convention: way.Convention);
        VmmPresenceResult presence = vmm.DetectPresence();
        Description = string.Create(
            CultureInfo.InvariantCulture,
            $"real, {_native.Target.Cpu.Vendor} ({_native.Target.Cpu.Brand.Trim()}), {_native.Target.Way}, VMM {presence.Presence}, {Environment.ProcessorCount} CPU(s), {Environment.OSVersion.VersionString}, {(IsNative ? "NativeAOT" : "CoreCLR")}");
        bool noVmm = presence is { Presence: VmmPresence.Faulted, Status.Fault.Kind: CpuFaultKind.InvalidOpcode };
        Lack(Needs.NoVmm, noVmm ? null : $"a VMM may be under this machine ({presence.Presence})");
        Lack(Needs.Vmm, presence.IsPresent ? null : $"no VMM of this ABI: {presence.Message}");
        Lack(Needs.Rig, presence.IsPresent && vmm.TryGetFunction("stream_reset").IsFound ? null : "the VMM has not the rig's functions");
        Lack(Needs.Injection, _lacks.GetValueOrDefault(Needs.Rig));
        Lack(Needs.RealKernel, OperatingSystem.IsLinux() ? null : "not Linux");
        Lack(Needs.Protection, OperatingSystem.IsLinux() ? null : "not Linux");
        Lack(Needs.Frames, Why(() => _native.Memory.Allocate(1, Residency.Touched), buffer => buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal)
            ? map.Pages.Span[0].State == GuestPageState.Present ? null : "frame numbers are hidden: root outside of containers sees them"
            : refusal.Message));
        Lack(Needs.Swap, File.Exists("/proc/swaps") && File.ReadLines("/proc/swaps").Count() > 1 ? null : "no swap space is on");
        Lack(Needs.Module, KernelModule.WhyNot());
        Lack(Needs.Compaction, Environment.IsPrivilegedProcess && File.Exists(CompactFile) ? null : $"{CompactFile} is not to be written");
        Lack(Needs.Pinning, Why(() => _native.Memory.Allocate(1, Residency.Pinned)));
        Lack(Needs.Contiguous, Why(() => _native.Memory.Allocate(2 << 20, Residency.Pinned, Contiguity.Contiguous)));
        Lack(Needs.Program32, Call32.Path is null ? "the program call32 is not here" : null);
        Lack(Needs.OtherInstruction, presence.IsPresent || noVmm ? null : "the VMM may patch the other instruction");
        Lack(Needs.Instruction, way == RigWay.Instruction ? null : $"the calls go by {way.Name}");
        Lack(Needs.VmwarePort, way == RigWay.Instruction ? VmwarePortScenarios.WhyNot() : $"the calls go by {way.Name}");
        Lack(Needs.XenPrivcmd, XenPrivcmdScenarios.WhyNot());
        Lack(Needs.Destruction, "it ends the machine: --destroy and its name as --filter");
    }

    public string Description { get; }

    public IHypercallMachine Hardware => _native;

    // Without code that is generated at run time, it is NativeAOT.
    private static bool IsNative => !System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported;

    public HypercallConvention Convention => _way.Convention;

    /// <summary>The machine, and one way to its VMM.</summary>
    /// <param name="way">The same one each time.</param>
    public static IConformanceMachine Open(RigWay way) => s_only ??= new RealMachine(way);

    public string? WhyNot(Needs need) => _lacks.GetValueOrDefault(need);

    public void MigratePage(GuestBuffer buffer, int page)
    {
        Advise(buffer, page, Libc.DontNeed);
        Check.Equal(GuestPageState.NotMapped, StateOf(buffer, page), "a page that was given back");
    }

    public void SwapOut(GuestBuffer buffer, int page)
    {
        // The kernel may pass over a page that it cannot lock at that moment, or that still sits in a CPU's batch of new pages.
        for (int attempt = 0; attempt < 100 && StateOf(buffer, page) != GuestPageState.Swapped; attempt++)
        {
            Advise(buffer, page, Libc.PageOut);
        }

        Check.Equal(GuestPageState.Swapped, StateOf(buffer, page), "a page that was swapped out");
    }

    public void Protect(GuestBuffer buffer, int page, bool readOnly) => Demand(
        Libc.Protect(AddressOf(buffer, page), GuestPage.Size, readOnly ? Libc.ProtRead : Libc.ProtReadWrite), "mprotect");

    public void Compact(GuestBuffer buffer)
    {
        Libc.Sync(); // a dirty file page of many frames ends the compaction of its zone
        File.WriteAllText(CompactFile, "1");
    }

    public IDisposable Fragment(long bytes) => new FragmentedMemory(_native.Memory, bytes);

    public void AllowStrayReads()
    {
        // Nobody watches.
    }

    public IHypercallChannel OpenOtherInstruction()
    {
        string other = string.Equals(_native.Target.Way, "VMCALL", StringComparison.OrdinalIgnoreCase) ? "amd" : "intel";
        return new NativeMachine(RigWay.Instruction.Providers(), new HypercallOptions { Provider = other }).Channel;
    }

    public void Dispose()
    {
    }

    private static string? Why(Func<GuestBuffer> allocate, Func<GuestBuffer, string?>? look = null)
    {
        try
        {
            using GuestBuffer buffer = allocate();
            return look?.Invoke(buffer);
        }
        catch (GuestMemoryException e)
        {
            return e.Message;
        }
    }

    private static nint AddressOf(GuestBuffer buffer, int page) => (nint)((buffer.Address.Value & ~(GuestPage.Size - 1ul)) + ((ulong)page << GuestPage.Shift));

    private static void Demand(int result, string call)
    {
        if (result != 0)
        {
            throw new IOException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private void Lack(Needs need, string? why)
    {
        if (why is not null)
        {
            _lacks[need] = why;
        }
    }

    private GuestPageState StateOf(GuestBuffer buffer, int page) =>
        _native.Memory.QueryPages(new GuestVirtualAddress((ulong)AddressOf(buffer, page)), GuestPage.Size).Pages.Span[0].State;

    private static void Advise(GuestBuffer buffer, int page, int advice) => Demand(Libc.Advise(AddressOf(buffer, page), GuestPage.Size, advice), "madvise");
}
