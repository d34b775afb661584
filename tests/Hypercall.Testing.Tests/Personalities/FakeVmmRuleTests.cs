using System.Text;

namespace Hypercall.Testing.Tests;

/// <summary>Each rule that a personality states is tested, and no rule is stated that is not.</summary>
public sealed class FakeVmmRuleTests
{
    private const ulong Minus1 = ulong.MaxValue;
    private const ulong Magic = 0x564D5868;
    private const ulong Handled = 0x4A11;
    private const ulong Served = 40;
    private const ulong Unserved = 41;

    private static readonly HypercallInstruction Vmcall = new("VMCALL", [0x0F, 0x01, 0xC1]);
    private static readonly HypercallInstruction Vmmcall = new("VMMCALL", [0x0F, 0x01, 0xD9]);
    private static readonly HypercallInstruction Port = new("IN", [0xED]);
    private static readonly HypercallInstruction Out = new("OUT", [0xEF]);
    private static readonly CpuIdentity Intel = new() { Vendor = "GenuineIntel" };
    private static readonly CpuIdentity Amd = new() { Vendor = "AuthenticAMD" };

    private static readonly Dictionary<string, Action<FakeVmmPersonality>> Tests = new(StringComparer.Ordinal)
    {
        // BitVisor
        ["Serves user mode and the guest's kernel alike."] = vmm => Assert.All([0, 3], cpl => Assert.Equal(Handled, Call(vmm, cpl, Served).Rax)),
        ["Number 0 finds functions by name; 0 for a name that is not there, not readable, or longer than 256 bytes."] = vmm =>
        {
            FakeMachine fake = new FakeMachine(vmm).On("foo", _ => { });
            using GuestBuffer name = fake.Memory.Allocate(512, Residency.Touched);
            Assert.Equal(4ul, LookUp("foo\0"));
            Assert.Equal(0ul, LookUp("bar\0"));
            Assert.Equal(0ul, LookUp(new string('x', 257)));
            _ = LookUp("foo\0");
            fake.Memory.SwapOut(name, 0);
            Assert.Equal(0ul, Call(fake, new HypercallRegisters { Rbx = name.Address.Value }).Rax);

            ulong LookUp(string text)
            {
                _ = Encoding.ASCII.GetBytes(text, name.Span);
                return Call(fake, new HypercallRegisters { Rbx = name.Address.Value }).Rax;
            }
        },
        ["A number that it does not serve gives RAX = 0."] = vmm =>
            Assert.All(new ulong[] { Unserved, 1000, Minus1 }, number => Assert.Equal(0ul, Call(vmm, 3, number).Rax)),
        ["CPUID shows no trace of it, and the CPU's own SVM bit."] = vmm => Assert.Equal(
            (false, "", true), (new FakeMachine(vmm).Cpu.HypervisorPresent, new FakeMachine(vmm).Cpu.HypervisorSignature, new FakeMachine(vmm).Cpu.SvmReported)),
        ["A function may leave anything in the argument registers."] = vmm => Clobbers(vmm, 3),
        ["Checks no rights: a program's call reads and writes the kernel's pages."] = vmm =>
        {
            Assert.True(Writes(vmm));
            Assert.False(Writes(FakeVmmPersonality.BitVisor)); // the page is what the test takes it for

            static bool Writes(FakeVmmPersonality vmm)
            {
                bool done = false;
                FakeMachine fake = new(vmm);
                using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);
                fake.Memory.HideFromUser(buffer);
                _ = fake.On(HypercallConvention.BitVisor, Served, call => done = call.TryWriteLinear(buffer.Address, (byte)1) && call.TryReadLinear(buffer.Address, out byte _));
                _ = Call(fake, new HypercallRegisters { Rax = Served, Rbx = buffer.Address.Value });
                return done;
            }
        },
        ["Its own memory reads as zeros."] = vmm => Assert.Equal([0, 0, 0], ReadPhysical(vmm, 0x1000_0000)),
        ["Addresses where no memory is can be mapped."] = vmm => Assert.Equal(3, ReadPhysical(vmm, 0xFEE0_0000)?.Length),
        ["What it reads there is ones."] = vmm => Assert.Equal([0xFF, 0xFF, 0xFF], ReadPhysical(vmm, 0xFEE0_0000)),

        // KVM
        ["From user mode every call gives RAX = -1, and changes no other register."] = vmm => Assert.All(new ulong[] { Served, Unserved, 0 }, number =>
        {
            HypercallRegisters sent = Frame(vmm, number);
            sent.R15 = 2;
            Assert.Equal(sent with { Rax = Minus1 }, Call(Serving(vmm, 3), sent));
        }),
        ["A number that it does not serve gives RAX = -1000 to the guest's kernel."] = vmm =>
        {
            Assert.Equal(unchecked((ulong)-1000L), Call(vmm, 0, Unserved).Rax);
            Assert.Equal(Handled, Call(vmm, 0, Served).Rax);
        },
        ["On AMD, VMCALL raises #GP."] = vmm => Assert.Equal(CpuFaultKind.GeneralProtection, FaultOf(vmm, Vmcall, cpu: Amd)),
        ["On Intel, VMMCALL raises #PF, error code 7, on the instruction itself, which KVM tries to patch."] = PatchesVmmcall,
        ["A call leaves every register but RAX as it was."] = vmm =>
        {
            FakeMachine fake = Serving(vmm, 0, new FakeFault(FakeFaultKind.Clobber));
            HypercallRegisters sent = Frame(vmm, Served);
            Assert.Equal(sent with { Rax = Handled }, Call(fake, sent));
            Assert.Equal(FakeFaultOutcome.Forbidden, Assert.Single(fake.FaultOccurrences).Outcome);
        },

        // Xen
        ["From user mode every call gives RAX = -1."] = vmm => Assert.All([Served, Unserved], number => Assert.Equal(Minus1, Call(vmm, 3, number).Rax)),
        ["A number that it does not serve gives RAX = -38 to the guest's kernel."] = AnswersMinus38,
        ["The guest's kernel gets through, and a number that it does not serve gives RAX = -38."] = AnswersMinus38,
        ["A call may overwrite its argument registers."] = vmm => Clobbers(vmm, 0),
        ["CPUID shows nothing of Xen."] = vmm => Assert.Equal(
            (false, ""), (new FakeMachine(vmm).Cpu.HypervisorPresent, new FakeMachine(vmm).Cpu.HypervisorSignature)),
        ["From user mode both vendors' instructions raise #UD."] = BothRaiseUD,

        // Hyper-V
        ["From user mode the instruction raises #UD."] = vmm =>
        {
            Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(vmm, Vmmcall));
            Assert.Equal(CpuFaultKind.None, FaultOf(vmm, Vmmcall, cpl: 0));
        },
        ["A call code that it does not serve gives status 2."] = vmm =>
        {
            Assert.Equal(2ul, Call(vmm, 0, Unserved).Rax);
            Assert.Equal(Handled, Call(vmm, 0, Served).Rax);
        },
        ["An input value with a reserved bit, or whose rep start is not below its rep count, gives status 3."] = vmm =>
        {
            ulong[] wrong = [1ul << 63, 1ul << 60, 1ul << 44, 1ul << 47, 1ul << 27, 1ul << 30, 1ul << 48, (2ul << 32) | (2ul << 48)];
            Assert.All(wrong, bits => Assert.Equal(3ul, Call(Serving(vmm, 0), new HypercallRegisters { Rcx = Served | bits }).Rax));
            ulong[] right = [1ul << 31, 1ul << 26, 1ul << 16, 2ul << 32, (2ul << 32) | (1ul << 48)];
            Assert.All(right, bits => Assert.Equal(Handled, Call(Serving(vmm, 0), new HypercallRegisters { Rcx = Served | bits }).Rax));
        },
        ["Without the fast bit, an address of input or output that is no multiple of 8 gives status 4."] = vmm =>
        {
            Assert.Equal(4ul, Call(Serving(vmm, 0), new HypercallRegisters { Rcx = Served, Rdx = 4 }).Rax);
            Assert.Equal(4ul, Call(Serving(vmm, 0), new HypercallRegisters { Rcx = Served, R8 = 1 }).Rax);
            Assert.Equal(Handled, Call(Serving(vmm, 0), new HypercallRegisters { Rcx = Served, Rdx = 8, R8 = 16 }).Rax);
            Assert.Equal(Handled, Call(Serving(vmm, 0), new HypercallRegisters { Rcx = Served | (1ul << 16), Rdx = 4, R8 = 1 }).Rax);
        },
        ["A call may overwrite RCX, RDX and R8 to R11."] = vmm => Clobbers(vmm, 0),
        ["A refusal is status 6."] = vmm => Refuses(vmm, 0, 6),

        // VMware
        ["The CPU's own instruction is served from user mode, where EAX is 0x564d5868."] = vmm => Assert.Equal(Handled, Call(vmm, 3, Served).Rax),
        ["Without that number in EAX the instruction raises #UD."] = vmm => Assert.Equal(
            CpuFaultKind.InvalidOpcode, FaultOf(vmm, Vmmcall, new HypercallRegisters { Rcx = Served })),
        ["IN EAX, DX on port 0x5658 is served as well, where the guest's kernel allows the port."] = vmm =>
        {
            HypercallRegisters sent = HypercallConvention.VmwarePort.CreateFrame(Served);
            FakeMachine fake = Serving(vmm, 3);
            Assert.Equal(CpuFaultKind.GeneralProtection, FaultOf(fake, Port, sent));
            fake.HasPortPermission = true;
            Assert.Equal(Handled, Call(fake, sent, Port).Rax);
            Assert.Equal(Handled, Call(Serving(vmm, 0), sent, Port).Rax);
        },
        ["A command that it does not serve gives EAX = 0xffffffff, and changes no other register."] = vmm =>
        {
            HypercallRegisters sent = Frame(vmm, Unserved);
            sent.Rbx = 7;
            Assert.Equal(sent with { Rax = uint.MaxValue }, Call(Serving(vmm, 3), sent));
            sent = HypercallConvention.VmwarePort.CreateFrame(Unserved);
            Assert.Equal(sent with { Rax = uint.MaxValue }, Call(Serving(vmm, 0), sent, Port));
        },
        ["OUT DX, EAX on port 0x5658 is answered as IN is."] = vmm =>
        {
            HypercallRegisters sent = HypercallConvention.VmwarePort.CreateFrame(Served);
            Assert.Equal(CpuFaultKind.GeneralProtection, FaultOf(Serving(vmm, 3), Out, sent));
            Assert.Equal(Handled, Call(Serving(vmm, 0), sent, Out).Rax);
            sent = HypercallConvention.VmwarePort.CreateFrame(Unserved);
            Assert.Equal(sent with { Rax = uint.MaxValue }, Call(Serving(vmm, 0), sent, Out));
            HypercallInstruction narrow = new("OUT DX, AL", [0xEE]);
            Assert.Equal(sent, Call(Serving(vmm, 0), sent, narrow));
        },
        ["Another port, or IN without that number in EAX, gives EAX = 0xffffffff."] = vmm =>
        {
            HypercallRegisters sent = HypercallConvention.VmwarePort.CreateFrame(Served);
            Assert.Equal(uint.MaxValue, Call(Serving(vmm, 0), sent with { Rdx = 0x5659 }, Port).Rax);
            Assert.Equal(uint.MaxValue, Call(Serving(vmm, 0), sent with { Rax = 1 }, Port).Rax);
        },
        ["A refusal is EAX = 0xffffffff."] = vmm => Refuses(vmm, 3, uint.MaxValue),

        // ACRN
        ["From user mode VMCALL raises #GP."] = vmm =>
        {
            Assert.Equal(CpuFaultKind.GeneralProtection, FaultOf(vmm, Vmcall));
            Assert.Equal(CpuFaultKind.None, FaultOf(vmm, Vmcall, cpl: 0));
        },
        ["A number that it does not serve gives RAX = -25 to the guest's kernel."] = vmm =>
        {
            Assert.Equal(unchecked((ulong)-25L), Call(vmm, 0, Unserved).Rax);
            Assert.Equal(Handled, Call(vmm, 0, Served).Rax);
        },
        ["VMMCALL raises #UD, on whichever CPU: it runs on Intel's only."] = vmm =>
            Assert.All([Intel, Amd], cpu => Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(vmm, Vmmcall, cpl: 0, cpu: cpu))),
        ["A refusal is RAX = -22."] = vmm => Refuses(vmm, 0, unchecked((ulong)-22L)),

        // Nyx
        ["A call with RAX = 0x1f is served, from user mode, too."] = vmm => Assert.All([0, 3], cpl => Assert.Equal(Handled, Call(vmm, cpl, Served).Rax)),
        ["RAX stays 0x1f where such a call has a number that it does not serve."] = vmm =>
            Assert.All([0, 3], cpl => Assert.Equal(Frame(vmm, Unserved), Call(vmm, cpl, Unserved))),
        ["A refusal of such a call leaves all registers as they were."] = vmm => Refuses(vmm, 3, 0x1F),
        ["Every other call is KVM's: -1 to user mode, -1000 to the guest's kernel."] = vmm =>
        {
            Assert.Equal(Minus1, Call(Serving(vmm, 3), new HypercallRegisters { Rax = 5, Rbx = Served }).Rax);
            Assert.Equal(unchecked((ulong)-1000L), Call(Serving(vmm, 0), new HypercallRegisters { Rax = 5, Rbx = Served }).Rax);
        },
        ["On Intel, VMMCALL raises #PF, as under KVM."] = PatchesVmmcall,

        ["CPUID's brand ends with NYX vCPU (PT), at leaf 0x80000004."] = vmm =>
        {
            CpuidResult last = new FakeMachine(vmm).Cpuid.Query(0x8000_0004);
            Assert.Equal((0x2058594eu, 0x55504376u, 0x54502820u, 0x29u), (last.Eax, last.Ebx, last.Ecx, last.Edx)); // "NYX ", "vCPU", " (PT", ")"
        },

        // Xen, PV
        ["CPUID behind Xen's prefix says XenVMMXenVMM at 0x40000000."] = vmm =>
        {
            CpuidSignature name = Assert.Single(CpuidSignature.ReadAll(new FakeMachine(vmm).Signs.TryGetForcedCpuid()!));
            Assert.Equal((0x4000_0000u, "XenVMMXenVMM"), (name.Leaf, name.Text));
        },
        ["/sys/hypervisor/type is 'xen'."] = vmm => Assert.Equal("xen\n", new FakeMachine(vmm).Signs.TryReadFile("/sys/hypervisor/type")),

        // VMware
        ["CPUID leaf 0x40000010, ECX says that the CPU's own instruction is served: bit 0 VMMCALL, bit 1 VMCALL."] = vmm =>
        {
            FakeMachine fake = new(vmm);
            Assert.Equal(1u, fake.Cpuid.Query(0x4000_0010).Ecx);
            fake.Cpu = fake.Cpu with { Vendor = "GenuineIntel" };
            Assert.Equal(2u, fake.Cpuid.Query(0x4000_0010).Ecx);
        },

        // Nobody
        ["Every call completes, changes no register, and reaches no function."] = vmm => Assert.All([0, 3], cpl =>
            Assert.All([Served, Unserved], number => Assert.Equal(Frame(vmm, number), Call(vmm, cpl, number)))),
        ["CPUID's hypervisor bit is set, and there is no signature."] = vmm => Assert.Equal(
            (true, ""), (new FakeMachine(vmm).Cpu.HypervisorPresent, new FakeMachine(vmm).Cpu.HypervisorSignature)),
        ["Both vendors' instructions raise #UD."] = BothRaiseUD,
        ["CPUID's hypervisor bit is clear."] = vmm => Assert.False(new FakeMachine(vmm).Cpu.HypervisorPresent),

        // Several
        ["The other vendor's instruction raises #UD."] = vmm => Assert.All([0, 3], cpl =>
        {
            Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(vmm, Vmcall, cpl: cpl, cpu: Amd));
            Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(vmm, Vmmcall, cpl: cpl, cpu: Intel));
        }),
        ["A refusal is RAX = -1."] = vmm => Refuses(vmm, 0, Minus1),
        ["A refusal leaves all registers as they were."] = vmm => Refuses(vmm, 3, Served),
        ["CPUID says KVMKVMKVM at 0x40000000."] = vmm => Says(vmm, (0x4000_0000, "KVMKVMKVM")),
        ["CPUID says Microsoft Hv at 0x40000000 and KVMKVMKVM at 0x40000100."] = vmm => Says(vmm, (0x4000_0000, "Microsoft Hv"), (0x4000_0100, "KVMKVMKVM")),
        ["CPUID says XenVMMXenVMM at 0x40000000."] = vmm => Says(vmm, (0x4000_0000, "XenVMMXenVMM")),
        ["CPUID says Microsoft Hv at 0x40000000."] = vmm => Says(vmm, (0x4000_0000, "Microsoft Hv")),
        ["CPUID says VMwareVMware at 0x40000000."] = vmm => Says(vmm, (0x4000_0000, "VMwareVMware")),
        ["CPUID says ACRNACRNACRN at 0x40000000."] = vmm => Says(vmm, (0x4000_0000, "ACRNACRNACRN")),
    };

    public static TheoryData<string, string> Rules
    {
        get
        {
            TheoryData<string, string> rules = [];
            foreach (FakeVmmPersonality vmm in FakeVmmPersonality.All)
            {
                foreach (FakeVmmRule rule in vmm.Rules)
                {
                    rules.Add(vmm.Name, rule.Text);
                }
            }

            return rules;
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_rule_holds(string personality, string rule) => Tests[rule](FakeVmmPersonality.All.Single(vmm => vmm.Name == personality));

    [Fact]
    public void No_test_is_of_a_rule_that_nobody_states() =>
        Assert.Empty(Tests.Keys.Except(FakeVmmPersonality.All.SelectMany(vmm => vmm.Rules).Select(rule => rule.Text)));

    [Fact]
    public void Every_rule_of_every_ready_personality_has_a_source_and_a_full_stop() => Assert.All(FakeVmmPersonality.All, vmm =>
    {
        Assert.NotEmpty(vmm.Rules);
        Assert.Equal(vmm.Rules.Count, vmm.Rules.Select(rule => rule.Text).Distinct().Count());
        Assert.All(vmm.Rules, rule =>
        {
            Assert.EndsWith(".", rule.Text, StringComparison.Ordinal);
            Assert.DoesNotMatch("[ ,;]$", rule.Source);
            Assert.Equal(rule.Source == "assumed", rule.IsAssumed);
            Assert.Equal($"{rule.Text} [{rule.Source}]", rule.ToString());
        });
    });

    private static void AnswersMinus38(FakeVmmPersonality vmm)
    {
        Assert.Equal(unchecked((ulong)-38L), Call(vmm, 0, Unserved).Rax);
        Assert.Equal(Handled, Call(vmm, 0, Served).Rax);
    }

    private static void BothRaiseUD(FakeVmmPersonality vmm) => Assert.All([Vmcall, Vmmcall], instruction =>
        Assert.All([Intel, Amd], cpu => Assert.Equal(CpuFaultKind.InvalidOpcode, FaultOf(vmm, instruction, cpu: cpu))));

    private static void PatchesVmmcall(FakeVmmPersonality vmm)
    {
        HypercallRegisters registers = Frame(vmm, Served);
        CpuFault fault = new FakeMachine(vmm) { Cpu = Intel }.OpenChannel(Vmmcall).TryInvoke(ref registers).Fault;
        Assert.Equal((CpuFaultKind.PageFault, 7ul, true), (fault.Kind, fault.ErrorCode, fault.IsOnInstruction));
    }

    private static void Clobbers(FakeVmmPersonality vmm, int cpl)
    {
        FakeMachine fake = Serving(vmm, cpl, new FakeFault(FakeFaultKind.Clobber));
        HypercallRegisters sent = Frame(vmm, Served);
        HypercallRegisters received = Call(fake, sent);
        Assert.Equal(Handled, received.Rax);
        Assert.NotEmpty(vmm.Overwrites);
        Assert.All(HypercallRegisters.All.ToArray().Where(register => register != GeneralRegister.Rax), register =>
            Assert.Equal(vmm.Overwrites.Contains(register), received[register] != sent[register]));
    }

    private static void Refuses(FakeVmmPersonality vmm, int cpl, ulong answer)
    {
        HypercallRegisters sent = Frame(vmm, Served);
        Assert.Equal(sent with { Rax = answer }, Call(Serving(vmm, cpl, new FakeFault(FakeFaultKind.Refuse)), sent));
    }

    private static void Says(FakeVmmPersonality vmm, params (uint Leaf, string Text)[] expected)
    {
        FakeMachine fake = new(vmm);
        Assert.True(fake.Cpu.HypervisorPresent);
        Assert.Equal(expected, Enumerable.Range(0, 256).Select(i => 0x4000_0000 + ((uint)i * 0x100)).Select(leaf => (leaf, Text(fake.Cpuid.Query(leaf)))).Where(one => one.Item2.Length != 0));
        Assert.All(vmm.Signatures, signature => Assert.Equal(signature.MaxLeaf, fake.Cpuid.Query(signature.Leaf).Eax));

        static string Text(CpuidResult leaf) =>
            Encoding.Latin1.GetString([.. new[] { leaf.Ebx, leaf.Ecx, leaf.Edx }.SelectMany(BitConverter.GetBytes)]).TrimEnd('\0');
    }

    private static byte[]? ReadPhysical(FakeVmmPersonality vmm, ulong address)
    {
        byte[] bytes = [1, 2, 3];
        bool done = false;
        FakeMachine fake = new FakeMachine(vmm).On(HypercallConvention.BitVisor, Served, call => done = call.TryReadPhysical(new GuestPhysicalAddress(address), bytes, out _));
        _ = Call(fake, Frame(vmm, Served));
        return done ? bytes : null;
    }

    private static HypercallRegisters Frame(FakeVmmPersonality vmm, ulong number) => vmm.Convention.CreateFrame(number);

    /// <summary>
    /// A machine that serves one number, also by VMware's port; the only call that is made meets a fault, or none.
    /// </summary>
    private static FakeMachine Serving(FakeVmmPersonality vmm, int cpl, FakeFault? fault = null)
    {
        FaultPlan plan = fault is { } planned ? [new PlannedFault(FakeInjectionPoint.BeforeReturn(1), planned)] : [];
        return new FakeMachine(new FakeMachineOptions { Personality = vmm, Cpl = cpl, Plan = plan })
            .On(vmm.Convention, Served, call => call.Result = Handled)
            .On(HypercallConvention.VmwarePort, Served, call => call.Result = Handled);
    }

    private static HypercallRegisters Call(FakeVmmPersonality vmm, int cpl, ulong number) => Call(Serving(vmm, cpl), Frame(vmm, number));

    private static HypercallRegisters Call(FakeMachine fake, HypercallRegisters registers, HypercallInstruction? instruction = null)
    {
        (instruction is null ? fake.Channel : fake.OpenChannel(instruction)).Invoke(ref registers);
        return registers;
    }

    private static CpuFaultKind FaultOf(
        FakeVmmPersonality vmm, HypercallInstruction instruction, HypercallRegisters? registers = null, int cpl = 3, CpuIdentity? cpu = null) =>
        FaultOf(
            new FakeMachine(new FakeMachineOptions { Personality = vmm, Cpl = cpl, Cpu = cpu }).On(vmm.Convention, Served, call => call.Result = Handled),
            instruction,
            registers ?? Frame(vmm, Served));

    private static CpuFaultKind FaultOf(FakeMachine fake, HypercallInstruction instruction, HypercallRegisters registers)
    {
        HypercallRegisters sent = registers;
        HypercallStatus status = fake.OpenChannel(instruction).TryInvoke(ref registers);
        Assert.True(status.IsCompleted || registers == sent);
        Assert.Equal(status.IsCompleted ? 1 : 0, fake.Calls);
        return status.Fault.Kind;
    }
}
