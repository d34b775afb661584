using Hypercall.BitVisor;

namespace Hypercall.Conformance.Scenarios;

/// <summary>A machine with no VMM: every call ends in the typed error of that, and the process lives.</summary>
internal static class NoVmmScenarios
{
    public static IEnumerable<Scenario> All { get; } =
    [
        new("no vmm: the presence test says that the instruction faulted", Needs.NoVmm, PresenceFaults),
        new("no vmm: a look-up says that the instruction faulted", Needs.NoVmm, LookUpFaults),
        new("no vmm: getting a function throws the typed fault", Needs.NoVmm, GettingThrows),
        new("no vmm: registers come back as they were from a fault", Needs.NoVmm, RegistersStay),
        new("no vmm: the other vendor's instruction faults, too", Needs.NoVmm | Needs.OtherInstruction, OtherInstruction),
        new("no vmm: the status client says that the instruction faulted", Needs.NoVmm, Status),
        new("no vmm: the shell client throws the typed fault", Needs.NoVmm, Shell),
        new("no vmm: thousands of faults on four threads under garbage collection, none lost", Needs.NoVmm, ManyFaults),
        new("no vmm: a null reference is still a NullReferenceException after faults", Needs.NoVmm, NullReference),
        new("no vmm: memory is held and translated all the same", Needs.NoVmm | Needs.Frames | Needs.Pinning, MemoryWorks),
        new("no vmm: a call at CPL 0 is an error of the kernel module, not the end of the kernel", Needs.NoVmm | Needs.Module, KernelFaults),
    ];

    private static void PresenceFaults(ScenarioContext context)
    {
        VmmPresenceResult presence = context.Vmm.DetectPresence();
        Check.Equal(VmmPresence.Faulted, presence.Presence);
        Check.Equal(CpuFaultKind.InvalidOpcode, presence.Status.Fault.Kind);
        Check.Equal(presence.Status.Fault.InstructionAddress, presence.Status.Fault.Address);
    }

    private static void LookUpFaults(ScenarioContext context)
    {
        VmmLookup lookup = context.Vmm.TryGetFunction("boot");
        Check.Equal(VmmLookupOutcome.Faulted, lookup.Outcome);
        Check.Equal(CpuFaultKind.InvalidOpcode, lookup.Status.Fault.Kind);
        Check.Equal(6, lookup.Status.Fault.TrapNumber);
    }

    private static void GettingThrows(ScenarioContext context)
    {
        HypercallFaultException error = Check.Throws<HypercallFaultException>(() => context.Vmm.GetFunction("boot"), "GetFunction");
        Check.Equal(CpuFaultKind.InvalidOpcode, error.Fault.Kind);
        Check.That(error.Message.Contains(context.Machine.Hardware.Target.Way, StringComparison.OrdinalIgnoreCase), error.Message);
    }

    private static void RegistersStay(ScenarioContext context)
    {
        HypercallRegisters before = Frames.Random(context.Random);
        HypercallRegisters after = before;
        Check.That(!context.Channel.TryInvoke(ref after).IsCompleted);
        Check.Equal(before, after);
    }

    private static void OtherInstruction(ScenarioContext context)
    {
        HypercallRegisters registers = default;
        HypercallStatus status = context.Machine.OpenOtherInstruction().TryInvoke(ref registers);
        Check.Equal(CpuFaultKind.InvalidOpcode, status.Fault.Kind);
    }

    private static void Status(ScenarioContext context)
    {
        VmmStatusReport report = new VmmStatusClient(context.Vmm).TryGetStatus();
        Check.Equal(VmmStatusOutcome.NoFunction, report.Outcome);
        Check.Equal(VmmLookupOutcome.Faulted, report.Lookup.Outcome);
    }

    private static void Shell(ScenarioContext context) =>
        Check.Throws<HypercallFaultException>(() => new VmmShell(context.Vmm).Run(new MemoryStream(), new MemoryStream()), "VmmShell.Run");

    private static void ManyFaults(ScenarioContext context)
    {
        int times = context.Repeat(20_000);
        long faults = 0;
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            for (int i = 0; i < times; i++)
            {
                HypercallRegisters registers = default;
                if (!context.Channel.TryInvoke(ref registers).IsCompleted)
                {
                    _ = Interlocked.Increment(ref faults);
                }

                if (i % 1000 == 0)
                {
                    GC.Collect(0);
                }
            }
        });
        Check.Equal(4L * times, faults, "faults that became results");
    }

    private static void NullReference(ScenarioContext context)
    {
        LookUpFaults(context);
        string? nothing = context.Random.Next() < 0 ? "" : null;
        _ = Check.Throws<NullReferenceException>(() => _ = nothing!.Length, "a null reference");
    }

    private static void MemoryWorks(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(10_000);
        Check.That(buffer.TryQueryPages(out GuestPageMap? pages, out _));
        Check.That(pages.TryGetPagedRange(out PagedRange? range, out _));
        Check.Equal(10_000, range.Length);
    }

    private static void KernelFaults(ScenarioContext context)
    {
        using KernelModule module = new();
        for (int i = 0; i < context.Repeat(1000); i++)
        {
            HypercallRegisters before = Frames.Random(context.Random);
            HypercallRegisters frame = before;
            Check.Equal(6, module.Channel.TryInvoke(ref frame).Fault.TrapNumber, "#UD");
            Check.Equal(before, frame);
        }

        VmmLookup lookup = module.Vmm.TryGetFunction("boot");
        Check.Equal(VmmLookupOutcome.Faulted, lookup.Outcome);
    }
}
