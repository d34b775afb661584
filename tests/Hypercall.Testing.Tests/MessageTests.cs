namespace Hypercall.Testing.Tests;

/// <summary>
/// Messages are part of the product: each says what happened, and what the reader can do. A few words of each part are held here,
/// so that no part is lost; the rest may be said better any time.
/// </summary>
public sealed class MessageTests
{
    private static readonly CpuIdentity Cpu = new() { Vendor = "AuthenticAMD" };

    private static readonly Dictionary<string, (Func<string> Say, string[] Parts)> Messages = new(StringComparer.Ordinal)
    {
        // Memory
        ["no addresses"] = (() => FakeRefusals.NoAddresses.Message, ["no addresses left", "a new machine for each test"]),
        ["hidden frames"] = (() => FakeRefusals.HiddenFrames.Message, ["hides frame numbers", "by guest virtual address"]),
        ["cannot pin"] = (() => FakeRefusals.CannotPin.Message, ["Nothing on this fake machine can pin pages", "run as root, or allow a fallback"]),
        ["no bytes"] = (() => FakeRefusals.NoBytes(99).Message, ["There are no 99 bytes", "Ask for less"]),
        ["not one buffer"] = (() => FakeRefusals.NotOneBuffer(new GuestVirtualAddress(0x1000), 99).Message, ["The 99 bytes at 0x1000 do not lie in one buffer"]),
        ["too many entries"] = (() => FakeRefusals.TooManyEntries(99).Message, ["99 entries", "Ask for parts"]),
        ["scattered"] = (() => FakeRefusals.Scattered(9).Message, ["The 9 pages of the memory lie scattered", "Allocate contiguous memory"]),
        ["no run"] = (() => FakeRefusals.NoRun(9).Message, ["no 9 frames in a row", "or allow a fallback"]),
        ["over the limit"] = (() => FakeRefusals.OverLockLimit(1, 2, 3).Message, ["1 bytes are locked, 2 more are needed, and the limit is 3", "ulimit -l", "free buffers"]),
        ["a page that no kernel swaps"] = (() => WithBuffer(Residency.Pinned, (memory, buffer) => memory.SwapOut(buffer, 0)), ["No kernel would swap out page 0 of the buffer", "a lock keeps a page in memory", "ask for less residency"]),
        ["a page that no kernel moves"] = (() => WithBuffer(Residency.Pinned, (memory, buffer) => memory.MigratePage(buffer, 0)), ["No kernel would move page 0", "a long-term pin"]),
        ["a page of the kernel"] = (() => Thrown(() => { FakeGuestMemory memory = new FakeMachine().Memory; memory.MigratePage(memory.AllocateKernelMemory(1), 0); }), ["The page is the kernel's own (kmalloc)"]),
        ["a page of a device"] = (() => Thrown(() => { FakeGuestMemory memory = new FakeMachine().Memory; memory.MigratePage(memory.MapRom(1), 0); }), ["a mapping of physical addresses (mem(4))"]),
        ["a buffer of another machine"] = (() => WithBuffer(Residency.Touched, (_, buffer) => new FakeMachine().Memory.MigratePage(buffer, 0)), ["not of this memory"]),
        ["a range beyond the address space"] = (() => Thrown(() => new FakeMachine().Memory.TryQueryPages(new GuestVirtualAddress(0x7fff_ffff_ffff), 2, out _, out _)), ["The range from 0x7fffffffffff leaves the address space", "ends at 0x800000000000"]),
        ["no window"] = (() => Thrown(() => new FakeMachine().Memory.TryOpenWindow(default(Memory<byte>), GuestBufferOptions.Default, out _, out _)), ["no window onto no memory"]),
        ["half a frame of ROM"] = (() => Thrown(() => _ = new FakeMachine(new FakeMachineOptions { Rom = [new(new GuestPhysicalAddress(0x1000), 5)] })), ["whole frames", "5 bytes at 0x1000"]),

        // Page tables
        ["a slot"] = (() => Thrown(() => _ = PageTableEntry.Swapped(1ul << 40)), ["at most 40 bits"]),
        ["no slot"] = (() => Thrown(() => _ = PageTableEntry.Slot(1)), ["not swapped out"]),
        ["nothing to restore"] = (() => Thrown(() => _ = PageTableEntry.Restore(1)), ["migrates or was dropped"]),
        ["nothing to hide"] = (() => Thrown(() => _ = PageTableEntry.Dropped(0)), ["Only a present entry can be hidden"]),
        ["a level"] = (() => Thrown(() => new PageTables(new TestFrames(), FakePaging.FourLevel).GetOrAddEntry(0, 4)), ["level 1, 2 or 3"]),
        ["no canonical address"] = (() => Thrown(() => new PageTables(new TestFrames(), FakePaging.FourLevel).GetOrAddEntry(1ul << 47)), ["not canonical with 4 levels"]),
        ["a paging"] = (() => Thrown(() => _ = new PageWalker(new TestFrames()).Walk(0, (FakePaging)3, 0, PageAccess.Read)), ["4 or 5 levels"]),
        ["an access"] = (() => Thrown(() => _ = new PageWalker(new TestFrames()).Walk(0, FakePaging.FourLevel, 0, PageAccess.Fetch | PageAccess.Write)), ["fetches and writes in one access"]),

        // The VMM and its functions
        ["a name with a NUL"] = (() => Thrown(() => _ = new FakeMachine().On("a\0b", _ => { })), ["has no NUL"]),
        ["function 0"] = (() => Thrown(() => _ = new FakeMachine().On("get_vmmcall_number", _ => { })), ["'get_vmmcall_number' is function 0", "no look-up finds"]),
        ["half of a surrogate pair"] = (() => Thrown(() => _ = new FakeMachine().On("x\ud800", _ => { })), ["half of a surrogate pair"]),
        ["a long name"] = (() => Thrown(() => _ = new FakeMachine().On(new string('x', 256), _ => { })), ["at most 255 bytes of UTF-8; this one has 256"]),
        ["no number left"] = (() => Thrown(() => { FakeMachine fake = new(); for (int i = 0; i < 127; i++) { _ = fake.On($"f{i}", _ => { }); } }), ["no number left for 'f124'", "numbers 1 to 127", "Remove one first"]),
        ["a privilege level"] = (() => Thrown(() => _ = new FakeMachine(new FakeMachineOptions { Cpl = 1 })), ["privilege level 3, a kernel at 0"]),
        ["a handler without a layout"] = (() => Thrown(() =>
        {
            FakeMachine fake = new FakeMachine().On(HypercallConvention.Xen, 17, FakeHandlers.ByVirtualAddress((_, _) => { }));
            _ = new HypercallFunction(fake, HypercallConvention.Xen, 17).Call(0, 0);
        }), ["Which arguments of Xen 17 hold memory is not known", "Give the handler the function's TransferLayout"]),
        ["a view for reading"] = (() => Inside(call => { Assert.True(call.TryMap(new GuestPhysicalAddress(0x1000_0000), 1, FakeMapAccess.Read, out FakeView? view)); _ = view.Write(0, [1]); }), ["mapped for reading. Map it with FakeMapAccess.Write"]),
        ["a policy"] = (() => Inside(call => call.CopyFromGuest(default, new byte[1], (AbsentPagePolicy)99)), ["no policy"]),
        ["a vendor"] = (() => Thrown(() => new FakeMachine().Cpu = Cpu with { Vendor = "x" }), ["12 characters, such as 'AuthenticAMD'; 'x' has 1"]),
        ["a brand"] = (() => Thrown(() => new FakeMachine().Cpu = Cpu with { Brand = new string('x', 48) }), ["at most 47 characters", "has 48"]),
        ["a signature"] = (() => Thrown(() => new FakeMachine().Cpu = Cpu with { HypervisorSignature = "thirteen chrs" }), ["at most 12 printable characters; 'thirteen chrs' has 13"]),
        ["a signature's leaf"] = (() => Thrown(() => _ = new FakeCpuidSignature(1, "x", 1)), ["in leaf 0x40000000, 0x40000100"]),
        ["a blank"] = (() => Thrown(() => _ = new FakeCpuidSignature(0x4000_0000, " x", 0x4000_0000)), ["no blank at an end", "padding"]),
        ["a command"] = (() => Thrown(() => _ = new FakeShell().AddCommand("a b", _ => "")), ["'a b' can be no command", "'exit' ends the shell"]),

        // Answers of the ready functions
        ["no answer"] = (() => Read(0, 5, 5), ["RDX is not RCX turned over", "does not know the number"]),
        ["too much"] = (() => Read(0, 11, ~11ul), ["11 bytes are done of the 10"]),
        ["malformed"] = (() => Read(ulong.MaxValue, 0, 0), ["RAX is -1", "a frame list that is none", "as KVM does"]),
        ["refused"] = (() => Read(127, 0, 0), ["RAX is 127, as it went in: the function refused"]),
        ["another VMM"] = (() => Read(128, 0, 0), ["RAX is 0x80", "did another VMM answer"]),
        ["data lost on its way to the VMM"] = (() => Claimed(Direction.ToVmm), ["data did not arrive: the VMM received 0 bytes in 0 calls", "not the 2 bytes that it sent: byte 0 is the first one"]),
        ["data lost on its way from the VMM"] = (() => Claimed(Direction.FromVmm), ["the VMM wrote 0 bytes in 0 calls", "not the 2 bytes that it took"]),

        // Checks
        ["a check of a case that was not wanted"] = (() => Thrown(() => VmmCheck.Run(_ => VmmCheck.Discard(), new VmmCheckOptions { Replay = FakeCase.Generate(1) })), ["did not want the case that it was given", "so it was not tried"]),
        ["a check that wants nothing"] = (() => Thrown(() => VmmCheck.Run(_ => VmmCheck.Discard(), new VmmCheckOptions { Seed = 1, MaxDiscarded = 3 })), ["did not want 4 cases, and 0 were tried (VmmCheckOptions.MaxDiscarded is 3)", "VmmCheckOptions.Size"]),
    };

    public static TheoryData<string> Cases => [.. Messages.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_message_says_what_happened_and_what_to_do(string what)
    {
        string message = Messages[what].Say();
        Assert.All(Messages[what].Parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    private static string Thrown(Action what) => Record.Exception(what)!.Message;

    private static string Inside(Action<FakeCall> what) => Thrown(() => new FakeMachine().Inside(what));

    private static string WithBuffer(Residency residency, Action<FakeGuestMemory, GuestBuffer> act)
    {
        FakeGuestMemory memory = new FakeMachine().Memory;
        using GuestBuffer buffer = memory.Allocate(1, residency);
        return Thrown(() => act(memory, buffer));
    }

    private static string Read(ulong rax, ulong rcx, ulong rdx)
    {
        HypercallRegisters registers = new() { Rax = rax, Rcx = rcx, Rdx = rdx };
        return FakeHandlers.Rule.Judge(in registers, 10).Failure!;
    }

    private static string Claimed(Direction direction) => Thrown(() => FakeExchange.AddTo(new FakeMachine(), "data").Claim([1, 2], [3, 4], direction));
}
