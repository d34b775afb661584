using Hypercall.Conformance.Fake;
using Hypercall.Testing;

namespace Hypercall.Conformance;

/// <summary>The fake machine of Hypercall.Testing, a new one for each scenario.</summary>
internal sealed class FakeMachines : IConformanceMachine
{
    private FakeMachine _fake;
    private readonly bool _hasVmm;

    private FakeMachines(FakeMachine fake, bool hasVmm)
    {
        _fake = fake;
        _hasVmm = hasVmm;
    }

    public string Description => $"fake, {_fake.Cpu.Vendor}, {_fake.Target.Way}, {(_hasVmm ? "with the rig's functions" : "no VMM")}";

    public IHypercallMachine Hardware => _fake;

    public static IConformanceMachine Open(string vendor) => new FakeMachines(Create(vendor, allowStrayAccess: false), hasVmm: true);

    public static IConformanceMachine OpenWithoutVmm() => new FakeMachines(new FakeMachine(FakeVmmPersonality.None), hasVmm: false);

    public string? WhyNot(Needs need) => need switch
    {
        Needs.NoVmm => _hasVmm ? "this fake machine has a VMM" : null,
        Needs.Vmm or Needs.Rig => _hasVmm ? null : "this fake machine has no VMM",
        Needs.RealKernel => "the fake machine has no kernel of its own, and no processes",
        Needs.Module => "the fake machine has no kernel modules",
        Needs.Protection => "the fake machine's kernel has no mprotect",
        Needs.Program32 => "the fake machine runs no programs",
        Needs.VmwarePort => "this fake machine has the vendor's instruction alone",
        Needs.XenPrivcmd => "the fake machine has no device of Xen's",
        Needs.Destruction => "it ends the machine: --destroy and its name as --filter",
        _ => null,
    };

    // As MADV_DONTNEED does it: the page comes back as zeros.
    public void MigratePage(GuestBuffer buffer, int page)
    {
        long start = Math.Max(0, ((long)page * GuestPage.Size) - buffer.Address.PageOffset);
        long end = Math.Min(buffer.Length, ((page + 1L) * GuestPage.Size) - buffer.Address.PageOffset);
        buffer.AsMemory(start, (int)(end - start)).Span.Clear();
        _fake.Memory.SwapOut(buffer, page);
    }

    public void SwapOut(GuestBuffer buffer, int page) => _fake.Memory.SwapOut(buffer, page);

    public void Protect(GuestBuffer buffer, int page, bool readOnly) => throw new NotSupportedException();

    public void Compact(GuestBuffer buffer)
    {
        if (buffer.Residency != Residency.Pinned)
        {
            for (int page = 0; page < GuestPage.Count(buffer.Address, buffer.Length); page++)
            {
                _fake.Memory.MigratePage(buffer, page);
            }
        }
    }

    public void AllowStrayReads() => _fake = Create(_fake.Cpu.Vendor, allowStrayAccess: true);

    public IDisposable Fragment(long bytes) => new NoFragments();

    public IHypercallChannel OpenOtherInstruction() => _fake.OpenChannel(
        string.Equals(_fake.Target.Way, "VMCALL", StringComparison.OrdinalIgnoreCase)
            ? new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9])
            : new HypercallInstruction("VMCALL", [0x0F, 0x01, 0xC1]));

    public void Dispose()
    {
    }

    private static FakeMachine Create(string vendor, bool allowStrayAccess)
    {
        FakeMachine fake = new(new FakeMachineOptions { Cpu = new CpuIdentity { Vendor = vendor }, AllowStrayAccess = allowStrayAccess });
        FakeRig.Register(fake);
        return fake;
    }

    private sealed class NoFragments : IDisposable
    {
        public void Dispose()
        {
        }
    }
}
