using Hypercall.BitVisor;
using Technique = Hypercall.Passing;

namespace Hypercall.Tests.Errors;

/// <summary>
/// Messages are part of the product: each says what happened, and what the reader can do. A few words of each part are held here,
/// so that no part is lost; the rest may be said better any time.
/// </summary>
public class MessageTests
{
    private static readonly CpuIdentity Cpu = new() { Vendor = "AuthenticAMD", HypervisorPresent = true };
    private static readonly HypercallTarget Target = new(Cpu, new MadeUpProvider("AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9])));
    private static readonly ScriptedMachine Machine = ScriptedMachine.Answering();

    private static readonly Dictionary<string, (Func<string> Say, string[] Parts)> Messages = new(StringComparer.Ordinal)
    {
        // Faults
        ["no fault"] = (() => $"{default(CpuFault)}|{default(CpuFault).Advice}", ["no fault|", "Nothing to do"]),
        ["an invalid opcode on nobody knows which CPU"] = (
            () => new CpuFault(CpuFaultKind.InvalidOpcode).Advice,
            ["On this CPU there is no VMM, or one that does not serve user mode", "the wrong instruction for it", "OnCpu(n)"]),
        ["an invalid opcode under an unknown VMM"] = (
            () => new CpuFault(CpuFaultKind.InvalidOpcode) { Target = Target }.Advice,
            ["CPUID reports a hypervisor: on this CPU it does not serve", "from a kernel module"]),
        ["a general protection"] = (() => new CpuFault(CpuFaultKind.GeneralProtection).Advice, ["wrong instruction for this host (KVM on AMD", "TryOtherInstruction"]),
        ["a page fault on the instruction"] = (
            () => new CpuFault(CpuFaultKind.PageFault) { Address = new(0x1000), InstructionAddress = new(0x1000) }.Advice,
            ["patch the instruction in place", "KVM on Intel answers VMMCALL so", "TryOtherInstruction"]),
        ["a page fault on data"] = (() => new CpuFault(CpuFaultKind.PageFault).Advice, ["raised it for an address", "touched or better, and check address and length"]),
        ["a fault exception without a target"] = (() => new HypercallFaultException(new CpuFault(CpuFaultKind.PageFault)).Message, ["The hypercall instruction raised #PF."]),
        ["a fault without a kind"] = (() => Thrown(() => HypercallStatus.Faulted(default)), ["A fault needs a kind", "HypercallStatus.Completed"]),

        // Providers
        ["no provider serves"] = (() => Thrown(() => HypercallTarget.Select(new MadeUpCpuid("AuthenticAMD"), [])), ["no provider to call a VMM with, on CPU vendor 'AuthenticAMD' (no brand)", "Call AddIntel() and AddAmd()"]),
        ["no provider can be used"] = (
            () => Thrown(() => HypercallTarget.Select(new MadeUpCpuid("AuthenticAMD") { Brand = "EPYC" }, [new MadeUpProvider("B", null, "GenuineIntel")])),
            ["can be used on CPU vendor 'AuthenticAMD' (EPYC)", "B: it is for CPU vendor 'GenuineIntel'", "name the provider in HypercallOptions.Provider"]),
        ["two providers have the name"] = (
            () => Thrown(() => HypercallTarget.Select(new MadeUpCpuid("x"), [new MadeUpProvider("A", null), new MadeUpProvider("a", null)], new HypercallOptions { Provider = "A" })),
            ["2 registered providers are called 'A'"]),
        ["an instruction that is too long"] = (() => Thrown(() => new HypercallInstruction("X", new byte[16])), ["The encoding of X has 16 bytes", "1 to 15"]),
        ["no such register"] = (() => Thrown(() => default(HypercallRegisters)[(GeneralRegister)4]), ["holds RAX, RCX, RDX, RBX, RBP, RSI, RDI and R8 to R15"]),

        // Conventions
        ["a register with two meanings"] = (() => Thrown(() => new HypercallConvention("twice", GeneralRegister.Rax, [GeneralRegister.Rax])), ["Convention 'twice' gives RAX two meanings"]),
        ["too many arguments"] = (() => Thrown(() => HypercallConvention.HyperV.CreateFrame(1, 1, 2, 3, 4)), ["Convention 'Hyper-V' carries 3 arguments (RDX, R8, RCX[63:16]); 4 were given"]),

        // Functions by name
        ["an empty name"] = (() => Thrown(() => new BitVisorClient(Machine).GetFunction("")), ["at least one character, and no NUL"]),
        ["half of a surrogate pair"] = (() => Thrown(() => new BitVisorClient(Machine).GetFunction("x\ud800")), ["half of a surrogate pair"]),
        ["a long name"] = (() => Thrown(() => new BitVisorClient(Machine).GetFunction(new string('x', 256))), ["at most 255 bytes of UTF-8; this one has 256"]),
        ["a function"] = (() => new HypercallFunction(Machine, HypercallConvention.BitVisor, 7, "foo").ToString(), ["foo (7)"]),
        ["a look-up that found"] = (() => Lookup(7).Message, ["'foo' has number 7"]),
        ["a look-up that did not"] = (() => Lookup(0).Message, ["3 look-ups gave 0", "check the spelling", "BitVisorClient.DetectPresence"]),
        ["a look-up in another ABI"] = (() => Lookup(ulong.MaxValue).Message, ["RAX = 0xffffffffffffffff (-1)", "-1 is EPERM: KVM", "speak its own convention"]),
        ["a look-up in a third ABI"] = (() => Lookup(128).Message, ["0 means not found. This host's VMM"]),
        ["a VMM"] = (() => new VmmPresenceResult(VmmPresence.Present, 1, default).Message, ["by name is present"]),
        ["no VMM"] = (() => new VmmPresenceResult(VmmPresence.Absent, 0, default).Message, ["No VMM", "'boot', which every build has, gave 0"]),
        ["a VMM that knows every name: 1"] = (() => new VmmPresenceResult(VmmPresence.ForeignAbi, 1, default).Message, ["number 1 to a name that cannot exist"]),
        ["a VMM that knows every name: 127"] = (() => new VmmPresenceResult(VmmPresence.ForeignAbi, 127, default).Message, ["number 127 to a name that cannot exist"]),
        ["a VMM of another ABI"] = (() => new VmmPresenceResult(VmmPresence.ForeignAbi, 128, default).Message, ["look-up of 'boot', but not in this ABI"]),
        ["words"] = (() => Thrown(() => _ = new HypercallFunction(Machine, HypercallConvention.BitVisor, 1, "f").TryTransfer(new ulong[6], Direction.Both, TransferRule.CompletedMeansAll)), ["Registers of the convention 'BitVisor' carry 1 to 5 words", "6 were given. Hand over a buffer instead"]),
        ["no direction"] = (() => Thrown(() => _ = new HypercallFunction(Machine, HypercallConvention.BitVisor, 1, "f").TryTransfer(new ulong[1], 0, TransferRule.CompletedMeansAll)), ["ToVmm, FromVmm, or Both"]),
        ["a blank keeper"] = (
            () => Thrown(() => _ = new HypercallFunction(Machine, HypercallConvention.BitVisor, 1, "f").TryTransfer(Machine.Allocate(1), Technique.Virtual, Direction.Both, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = " " })),
            ["names who keeps the memory", "Leave it null"]),

        // Transfers
        ["one call"] = (() => new TransferResult(TransferOutcome.Completed, 10) { Calls = 1 }.Message, ["All 10 bytes are done, in 1 call."]),
        ["two calls"] = (() => new TransferResult(TransferOutcome.Completed, 10) { Calls = 2 }.Message, ["All 10 bytes are done, in 2 calls."]),
        ["part of it"] = (() => new TransferResult(TransferOutcome.Incomplete, 10) { BytesDone = 3 }.Message, ["Only 3 of 10 bytes", "locked or pinned memory, or transfer the rest again"]),
        ["a fault on the way"] = (() => new TransferResult(TransferOutcome.Faulted, 10) { BytesDone = 3, Fault = new(CpuFaultKind.PageFault) }.Message, ["raised #PF", "Known to have arrived: 3 of 10"]),
        ["refused at once"] = (() => new TransferResult(TransferOutcome.Refused, 10) { Refusal = new(GuestMemoryRefusalReason.NotMapped, "no.") }.ToString() + "|", ["no.|"]),
        ["refused on the way"] = (
            () => new TransferResult(TransferOutcome.Refused, 10) { BytesDone = 3, Refusal = new(GuestMemoryRefusalReason.NotMapped, "no.") }.Message, ["no. Known to have arrived: 3 of 10"]),
        ["moved"] = (() => new TransferResult(TransferOutcome.Moved, 10) { BytesDone = 3 }.Message, ["beyond the first 3 of 10 bytes", "memory of somebody else", "Residency.Pinned"]),
        ["cancelled"] = (() => new TransferResult(TransferOutcome.Canceled, 10) { BytesDone = 3 }.Message, ["cancelled after 3 of 10"]),

        // Memory
        ["not pinned, and written"] = (() => NotPinned(Residency.Locked, Direction.FromVmm, null), ["The memory is Locked", "the VMM writes to it by physical address", "pass it by virtual address", "accept the risk with TransferOptions."]),
        ["not even locked"] = (() => NotPinned(Residency.Touched, Direction.ToVmm, null), ["not even locked may be swapped out"]),
        ["not pinned, and kept"] = (() => NotPinned(Residency.Locked, Direction.ToVmm, "ring"), ["'ring' keeps the address after the call"]),
        ["not pinned, and leased"] = (() => Lease(), ["'ring' keeps its address", "Residency.Pinned, or accept the risk with acceptMemoryCorruptionIfPagesMove: true"]),
        ["scattered"] = (() => GuestMemoryRefusal.ForScattered(new PagedRange(0, 8192, new GuestFrameNumber[] { new(1), new(5) })).Message, ["breaks after 4096 of 8192", "Passing.FrameList"]),
        ["swapped"] = (() => GuestMemoryRefusal.ForPage(GuestPageState.Swapped, 1, 2).Message, ["Page 1 of 2 is swapped out", "Pin the memory"]),
        ["hidden"] = (() => GuestMemoryRefusal.ForPage(GuestPageState.FrameHidden, 1, 2).Message, ["page 1 of 2", "CAP_SYS_ADMIN", "by guest virtual address"]),
        ["not mapped"] = (() => GuestMemoryRefusal.ForPage(GuestPageState.NotMapped, 1, 2).Message, ["Page 1 of 2 is not mapped", "a pinned one is not"]),
        ["two leases"] = (() => LeasedTwice(), ["leased to 'ring', 'status'", "Make the VMM let go"]),
        ["in flight"] = (() => InFlight(), ["in flight on this thread", "after it returns"]),
        ["no frame"] = (() => Thrown(() => GuestPage.SwappedOut.Frame), ["no known frame: it is Swapped"]),
        ["a frame that is none"] = (() => Thrown(() => GuestPage.InFrame(default)), ["1 to 2^55 - 1"]),
        ["a map of too few pages"] = (() => Thrown(() => new GuestPageMap(new GuestVirtualAddress(0xFFF), 2, new GuestPage[1])), ["2 bytes at 0xfff touch 2 pages; 1 entries"]),
        ["a range of too few frames"] = (() => Thrown(() => new PagedRange(0xFFF, 2, new GuestFrameNumber[1])), ["2 bytes from offset 4095 touch 2 frames; 1 were given"]),
    };

    public static TheoryData<string> Cases => [.. Messages.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_message_says_what_happened_and_what_to_do(string what)
    {
        string message = Messages[what].Say();
        Assert.All(Messages[what].Parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    private static string Thrown(Func<object?> what) => Thrown(() => { _ = what(); });

    private static string Thrown(Action what) => Record.Exception(what)!.Message;

    private static VmmLookup Lookup(ulong rax)
    {
        ScriptedMachine machine = new() { OnInvoke = (ref registers) => { registers.Rax = rax; return HypercallStatus.Completed; } };
        return new BitVisorClient(machine).TryGetFunction("foo");
    }

    private static string NotPinned(Residency residency, Direction direction, string? holder)
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        machine.Grants = residency;
        using GuestBuffer buffer = machine.Allocate(10);
        return new HypercallFunction(machine, HypercallConvention.BitVisor, 1, "f").TryTransfer(buffer, Technique.PageByPage, direction, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = holder }).Message;
    }

    private static string Lease()
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        machine.Grants = Residency.Locked;
        using GuestBuffer buffer = machine.Allocate(10);
        return Thrown(() => buffer.Lease("ring"));
    }

    private static string LeasedTwice()
    {
        using GuestBuffer buffer = Machine.Allocate(10);
        using GuestBufferLease ring = buffer.Lease("ring");
        using GuestBufferLease status = buffer.Lease("status");
        return Thrown(buffer.Dispose);
    }

    private static string InFlight()
    {
        using GuestBuffer buffer = Machine.Allocate(10);
        using GuestBuffer.InFlight call = buffer.EnterCall();
        return Thrown(buffer.Dispose);
    }
}
