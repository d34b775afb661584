using Hypercall.BitVisor;

namespace Hypercall.Tests.BitVisor;

public class VmmPresenceTests
{
    [Fact]
    public void Present_means_that_boot_has_a_number_and_an_impossible_name_has_none() =>
        Assert.Equal(VmmPresence.Present, Detect(boot: 1, other: 0).Presence);

    [Fact]
    public void A_VMM_that_ignores_hypercalls_is_absent() => Assert.Equal(VmmPresence.Absent, Detect(boot: 0, other: 0).Presence);

    [Fact]
    public void A_VMM_that_knows_every_name_speaks_another_ABI()
    {
        VmmPresenceResult result = Detect(boot: 5, other: 5);
        Assert.Equal(VmmPresence.ForeignAbi, result.Presence);
        Assert.Contains("a name that cannot exist", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_VMM_that_answers_minus_one_speaks_another_ABI()
    {
        VmmPresenceResult result = Detect(boot: ulong.MaxValue, other: ulong.MaxValue);
        Assert.Equal(VmmPresence.ForeignAbi, result.Presence);
        Assert.Contains("KVM", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_is_told_apart()
    {
        ScriptedMachine machine = new() { OnInvoke = (ref _) => HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)) };
        VmmPresenceResult result = new BitVisorClient(machine).DetectPresence();
        Assert.Equal((VmmPresence.Faulted, CpuFaultKind.InvalidOpcode), (result.Presence, result.Status.Fault.Kind));
    }

    [Fact]
    public void Nothing_is_ever_called_but_the_look_up()
    {
        ScriptedMachine machine = new()
        {
            OnInvoke = (ref registers) =>
            {
                Assert.Equal(0ul, registers.Rax);
                registers.Rax = 0;
                return HypercallStatus.Completed;
            },
        };
        Assert.False(new BitVisorClient(machine).DetectPresence().IsPresent);
    }

    [Fact]
    public void Presence_is_asked_anew_each_time()
    {
        ScriptedMachine machine = Script(boot: 1, other: 0);
        BitVisorClient vmm = new(machine);
        Assert.True(vmm.DetectPresence().IsPresent);
        int calls = machine.Calls;
        Assert.True(vmm.DetectPresence().IsPresent);
        Assert.Equal(2 * calls, machine.Calls);
    }

    [Fact]
    public void A_VMM_of_another_ABI_leaves_no_function_behind()
    {
        ScriptedMachine machine = Script(boot: 5, other: 5);
        BitVisorClient vmm = new(machine);
        Assert.Equal(VmmPresence.ForeignAbi, vmm.DetectPresence().Presence);
        Assert.False(vmm.Forget("boot"));
    }

    private static VmmPresenceResult Detect(ulong boot, ulong other)
    {
        ScriptedMachine machine = Script(boot, other);
        return new BitVisorClient(machine).DetectPresence();
    }

    private static ScriptedMachine Script(ulong boot, ulong other)
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        machine.OnInvoke = (ref registers) =>
        {
            registers.Rax = machine.TextAt(registers.Rbx) == "boot" ? boot : other;
            return HypercallStatus.Completed;
        };
        return machine;
    }
}
