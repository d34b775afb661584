namespace Hypercall.Testing.Tests;

public sealed partial class FakeTraceTests
{
    private static readonly PlannedFault Planned = new(FakeInjectionPoint.GuestStep(1), new FakeFault(FakeFaultKind.SwapOut));

    [Fact]
    public void A_star_marks_a_planned_fault_and_an_arrow_the_guilty_step()
    {
        Assert.Equal("       7  guest   says", new FakeTraceLine(7, FakeActor.Guest, "says").ToString());
        Assert.Equal(" *     7  kernel  says", new FakeTraceLine(7, FakeActor.Kernel, "says", Planned).ToString());
        Assert.Equal("==>    7  VMM     says", new FakeTraceLine(7, FakeActor.Vmm, "says", Planned, isGuilty: true).ToString());
    }

    [Fact]
    public void An_oracle_shows_the_trace_where_one_was_recorded()
    {
        FakeMachine fake = new(new FakeMachineOptions { Record = true });
        FakeMachineException lost = OracleAssert.Speaks(FakeOracle.DataLost, () => fake.ReportDataLost("Byte 3 is gone."));
        Assert.StartsWith($"Byte 3 is gone.{Environment.NewLine}{Environment.NewLine}==>    1  guest   reports success", lost.Message, StringComparison.Ordinal);
        Assert.Equal(lost.Trace!.ToString(), fake.Trace.ToString());
    }

    [Fact]
    public void An_oracle_without_a_recorded_trace_says_what_happened_and_no_more()
    {
        FakeMachineException lost = OracleAssert.Speaks(
            FakeOracle.DataLost,
            () => new FakeMachine().ReportDataLost("Byte 3 is gone."));
        Assert.Equal("Byte 3 is gone.", lost.Message);
        Assert.Null(lost.Trace);
    }

    [Fact]
    public void A_program_that_tries_for_ever_is_told_the_budget_and_what_to_do()
    {
        FakeMachine fake = new(new FakeMachineOptions { StepBudget = 1, Record = true });
        using GuestBuffer buffer = fake.Memory.Allocate(1);
        FakeMachineException hang = OracleAssert.Speaks(FakeOracle.Hang, buffer.Touch);
        Assert.Contains("has made 1 steps", hang.Message, StringComparison.Ordinal);
        Assert.Contains("Bound the number of attempts", hang.Message, StringComparison.Ordinal);
        Assert.Equal("takes step 2", hang.Trace!.Lines[^1].Text);
        Assert.Same(hang, OracleAssert.Speaks(FakeOracle.Hang, buffer.Touch));
    }

    [Fact]
    public void An_instruction_that_runs_again_for_ever_takes_the_budget()
    {
        FakeMachine fake = new(new FakeMachineOptions { StepBudget = 100 });
        using GuestBuffer buffer = fake.Memory.Allocate(1, Residency.Touched);
        int runs = 0;
        _ = OracleAssert.Speaks(FakeOracle.Hang, () => fake.Inside(call =>
        {
            Assert.InRange(++runs, 1, 1000);
            fake.Memory.SwapOut(buffer, 0); // so that there is something to bring in, each time
            call.InjectPageFault(buffer.Address, isWrite: true);
        }));
    }

    [Fact]
    public void Calls_take_the_budget_too()
    {
        FakeMachine fake = new(new FakeMachineOptions { StepBudget = 10 });
        _ = OracleAssert.Speaks(FakeOracle.Hang, () =>
        {
            for (int i = 0; i < 100; i++)
            {
                HypercallRegisters registers = new() { Rax = 1 };
                fake.Channel.Invoke(ref registers);
            }
        });
    }

    [Fact]
    public void A_call_that_faults_and_one_of_no_function_are_told()
    {
        FakeMachine fake = new(new FakeMachineOptions { Record = true, Plan = [new(FakeInjectionPoint.BeforeEntry(1), new FakeFault(FakeFaultKind.InvalidOpcode))] });
        HypercallRegisters registers = new() { Rax = 99 };
        _ = fake.Channel.TryInvoke(ref registers);
        Assert.Equal("call 1: VMMCALL RAX=99 (no function) RBX=0x0 RCX=0x0 RDX=0x0", fake.Trace.Lines[0].Text);
        Assert.Equal("call 1 ends in #UD", fake.Trace.Lines[^1].Text);
    }

    /// <summary>
    /// All that the guest, its kernel and the VMM do, and how it reads. Numbers in hexadecimal are left out: the seed makes them.
    /// </summary>
    [Fact]
    public void A_trace_reads_like_this()
    {
        FakeMachine fake = new(new FakeMachineOptions { Record = true, AllowStrayAccess = true });
        _ = fake.On("f", call =>
        {
            _ = call.TryReadVirtual(new GuestVirtualAddress(call.Rbx), new byte[2], out _);
            _ = call.TryWriteVirtual(new GuestVirtualAddress(call.Rbx), [1], out _);
            _ = call.TryReadPhysical(new GuestPhysicalAddress(call.Rcx), new byte[1], out _);
            call.Rax = 7;
        });
        HypercallFunction function = new Hypercall.BitVisor.BitVisorClient(fake).GetFunction("f");
        GuestBuffer two = fake.Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
        fake.Memory.SwapOut(two, 1);
        fake.Memory.MigratePage(two, 0);
        ulong frame = FrameOf(two);
        _ = function.Call(two.Address.Value + GuestPage.Size, frame);
        two.Touch(0, 1);
        fake.Memory.DropMapping(two, 0);
        two.Touch();
        fake.Memory.MigratePage(two, 0, 1);
        _ = function.Call(two.Address.Value);
        fake.Memory.WriteProtect(two, 0);
        two.Touch(0, 1);
        fake.Memory.MigratePage(two, 1, 2);
        two.Dispose();
        using GuestBuffer untouched = fake.Memory.AllocateUntouched(1);
        fake.Memory.Load(untouched, 0);
        _ = function.Call(0, FrameOf(untouched));
        using GuestBuffer kernel = fake.Memory.AllocateKernelMemory(GuestPage.Size);
        using GuestBuffer rom = fake.Memory.MapRom(1);
        _ = function.Call(0, 0x1000_0000);
        _ = function.Call(0, frame + GuestPage.Size);
        using GuestBuffer window = fake.Memory.OpenWindow(new byte[10], new GuestBufferOptions { Residency = Residency.Pinned });
        fake.Memory.CanPin = false;
        Assert.False(fake.Memory.TryAllocate(1, new GuestBufferOptions(), out _, out _));
        Assert.Equal(Trace, string.Join('\n', fake.Trace.Lines.Select(line => Hexadecimal().Replace(line.ToString()[5..], "#"))), ignoreLineEndingDifferences: true);
    }

    private static ulong FrameOf(GuestBuffer buffer)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out _));
        return pages.Pages.Span[0].Frame.Address.Value;
    }

    private const string Trace = """
          1  guest   allocates buffer 1: 2 bytes at #, Pinned, 1 page
          2  guest   writes to 1 page of buffer 1, from page 0
          3  guest   writes to 1 page of buffer 1, from page 0
          4  guest   call 1: VMMCALL RAX=0 (get_vmmcall_number) RBX=# RCX=# RDX=#
          5  VMM     walks to #: page of 4096 bytes, writable, user, no-execute in frame #
          6  VMM     reads 256 bytes at GPA #: page 0 of buffer 1
          7  VMM     returns from call 1: RAX=# RBX=# RCX=#
          8  guest   frees buffer 1
          9  guest   allocates buffer 2: 8192 bytes at #, Touched, 2 pages
         10  kernel  swaps page 1 of buffer 2 out: its frame goes to somebody else
         11  kernel  moves page 0 of buffer 2 from frame # to #
         12  guest   asks where 2 pages at # are: frame #, Swapped
         13  guest   call 2: VMMCALL RAX=4 (f) RBX=# RCX=# RDX=#
         14  VMM     walks to #: #PF at level 1, error code # (User)
         15  VMM     walks to #: #PF at level 1, error code # (Write, User)
         16  VMM     reads 1 byte at GPA #: page 0 of buffer 2
         17  VMM     returns from call 2: RAX=# RBX=# RCX=#
         18  guest   writes to 1 page of buffer 2, from page 0
         19  kernel  takes page 0 of buffer 2 out of the page table until the guest touches it (NUMA balancing)
         20  guest   writes to 2 pages of buffer 2, from page 0
         21  kernel  puts page 0 of buffer 2 back into the page table
         22  kernel  swaps in page 1 of buffer 2, in frame #
         23  kernel  moves page 0 of buffer 2 from frame # to #, and 1 walk does not find it meanwhile
         24  guest   call 3: VMMCALL RAX=4 (f) RBX=# RCX=# RDX=#
         25  VMM     walks to #: #PF at level 1, error code # (User)
         26  VMM     walks to #: page of 4096 bytes, writable, user, no-execute in frame #
         27  VMM     writes 1 byte at GPA #: page 0 of buffer 2
         28  VMM     finds no memory at GPA #
         29  VMM     returns from call 3: RAX=# RBX=# RCX=#
         30  kernel  forks: page 0 of buffer 2 becomes copy-on-write, read-only, and shares its frame with the child
         31  guest   writes to 1 page of buffer 2, from page 0
         32  kernel  copies page 0 of buffer 2, in frame #
         33  kernel  moves page 1 of buffer 2 from frame # to #, and 2 walks do not find it meanwhile
         34  guest   frees buffer 2
         35  guest   allocates buffer 3: 1 byte at #, Touched, 1 page
         36  kernel  maps the shared zero page, read-only, for page 0 of buffer 3
         37  guest   asks where 1 page at # is: frame #
         38  guest   call 4: VMMCALL RAX=4 (f) RBX=# RCX=# RDX=#
         39  VMM     walks to #: #PF at level 4, error code # (User)
         40  VMM     walks to #: #PF at level 4, error code # (Write, User)
         41  VMM     reads 1 byte at GPA #: the page of zeroes that all processes share
         42  VMM     returns from call 4: RAX=# RBX=# RCX=#
         43  guest   allocates buffer 4: 4096 bytes at #, Pinned, contiguous, 1 page
         44  guest   allocates buffer 5: 1 byte at #, Touched, contiguous, 1 page
         45  guest   call 5: VMMCALL RAX=4 (f) RBX=# RCX=# RDX=#
         46  VMM     walks to #: #PF at level 4, error code # (User)
         47  VMM     walks to #: #PF at level 4, error code # (Write, User)
         48  VMM     reads 1 byte at GPA #: the VMM's own memory, faked as ROM
         49  VMM     returns from call 5: RAX=# RBX=# RCX=#
         50  guest   call 6: VMMCALL RAX=4 (f) RBX=# RCX=# RDX=#
         51  VMM     walks to #: #PF at level 4, error code # (User)
         52  VMM     walks to #: #PF at level 4, error code # (Write, User)
         53  VMM     reads 1 byte at GPA #: memory of somebody else
         54  VMM     returns from call 6: RAX=# RBX=# RCX=#
         55  guest   opens buffer 6: 10 bytes at #, Pinned, 1 page
         56  kernel  does not give the guest 1 byte: PinningUnavailable
        """;

    [System.Text.RegularExpressions.GeneratedRegex("0x[0-9a-f]+")]
    private static partial System.Text.RegularExpressions.Regex Hexadecimal();
}
