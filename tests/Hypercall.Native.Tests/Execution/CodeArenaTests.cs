using System.Globalization;
using Hypercall.Native.Execution;

namespace Hypercall.Native.Tests.Execution;

public sealed unsafe class CodeArenaTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_page_is_ever_writable_and_executable(bool useFile)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "/proc/self/maps is Linux's.");
        byte[] code = StubAssembler.Assemble(StubAbi.SystemV, TestTarget.Nop, clearsVectors: false, out int entry);
        CodeArena arena = new(new LinuxCodePages(useFile), 64, "test pages");
        List<string> offenders = [];
        bool isOver = false;
        Thread watcher = new(() =>
        {
            do
            {
                offenders.AddRange(Mappings(arena).Where(IsWritableAndExecutable));
            }
            while (!Volatile.Read(ref isOver));
        });
        watcher.Start();
        for (int i = 0; i < arena.Capacity; i++)
        {
            nint page = arena.Add(_ => code);
            HypercallRegisters registers = new() { R9 = 9 };
            NativeFault fault;
            Assert.Equal(0, ((delegate* unmanaged<HypercallRegisters*, NativeFault*, HypercallRegisters*, int>)(page + entry))(&registers, &fault, &registers + 1));
        }

        Volatile.Write(ref isOver, true);
        watcher.Join();
        string[] mappings = [.. Mappings(arena)];
        Assert.Empty(offenders);
        Assert.NotEmpty(mappings);
        Assert.All(mappings, line => Assert.StartsWith("r-xp", line, StringComparison.Ordinal));
        Assert.All(mappings, line => Assert.Equal(useFile, line.Contains("/memfd:hypercall", StringComparison.Ordinal)));

        // Nor is there another mapping of the same memory that could be written through.
        Assert.DoesNotContain(
            File.ReadLines("/proc/self/maps"),
            line => line.Contains("memfd:hypercall", StringComparison.Ordinal) && Permissions(line).Contains('w', StringComparison.Ordinal));
    }

    [Fact]
    public void The_pages_of_the_real_stubs_are_read_execute()
    {
        StubChannel channel = TestTarget.Channel(TestTarget.Nop);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc/self/maps is Linux's.");
        Assert.NotNull(channel);
        nint stub = ExecutionEngine.Shared.GetStub(TestTarget.Nop).Entry;

        string mapping = Assert.Single(File.ReadLines("/proc/self/maps"), line => Covers(line, stub));

        Assert.Equal("r-xp", Permissions(mapping));
    }

    [Fact]
    public void An_arena_that_is_full_says_so()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        CodeArena arena = new(CodePages.Current, 2, "test pages");
        nint first = arena.Add(_ => [0xC3]);
        nint second = arena.Add(_ => [0xC3]);

        ExecutableMemoryException error = Assert.Throws<ExecutableMemoryException>(() => arena.Add(_ => [0xC3]));

        Assert.Equal((arena.Start, arena.Start + StubLayout.SlotSize), (first, second));
        Assert.Contains("all 2 of its test pages", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, error.ErrorCode);
    }

    [Fact]
    public void A_page_that_could_not_be_filled_is_not_used_up()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        CodeArena arena = new(CodePages.Current, 1, "test pages");
        _ = Assert.Throws<InvalidOperationException>(() => arena.Add(_ => throw new InvalidOperationException()));

        Assert.Equal(arena.Start, arena.Add(_ => [0xC3]));
    }

    [Fact]
    public void The_same_bytes_share_a_stub_and_others_do_not()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        ExecutionEngine engine = ExecutionEngine.Shared;

        Assert.Equal(engine.GetStub(TestTarget.Nop), engine.GetStub([0x90]));
        Assert.NotEqual(engine.GetStub(TestTarget.Nop), engine.GetStub([0x90, 0x90]));
    }

    [Fact]
    public void Many_threads_make_channels_and_stubs_at_the_same_time()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        const int Threads = 16;
        const int Encodings = 24;
        using Barrier start = new(Threads);
        HashSet<nint>[] entries = [.. Enumerable.Range(0, Encodings).Select(_ => new HashSet<nint>())];
        List<string> wrong = [];
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(id => new Thread(() =>
        {
            start.SignalAndWait();
            for (int i = 0; i < Encodings; i++)
            {
                int value = (i + id) % Encodings; // each in another order
                byte[] moveToEax = [0xB8, .. BitConverter.GetBytes(0x7E57_0000 + value)];
                StubChannel channel = TestTarget.Channel(moveToEax);
                HypercallRegisters registers = new() { Rax = ulong.MaxValue, Rbx = (ulong)id };
                HypercallStatus status = channel.TryInvoke(ref registers);
                nint entry = ExecutionEngine.Shared.GetStub(moveToEax).Entry;
                lock (entries)
                {
                    _ = entries[value].Add(entry);
                    if (!status.IsCompleted || registers.Rax != 0x7E57_0000ul + (ulong)value || registers.Rbx != (ulong)id)
                    {
                        wrong.Add($"{status} {registers}");
                    }
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Empty(wrong);
        Assert.All(entries, one => Assert.Single(one));
        Assert.Equal(Encodings, entries.SelectMany(one => one).Distinct().Count());
    }

    private static IEnumerable<string> Mappings(CodeArena arena)
    {
        nint end = arena.Start + ((nint)arena.Capacity << StubLayout.SlotShift);
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            (nint from, nint to) = Range(line);
            if (from < end && to > arena.Start)
            {
                yield return line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..];
            }
        }
    }

    private static bool IsWritableAndExecutable(string mapping) => mapping[..4].Contains('x', StringComparison.Ordinal) && mapping[..4].Contains('w', StringComparison.Ordinal);

    private static string Permissions(string line) => line.Split(' ')[1];

    private static bool Covers(string line, nint address)
    {
        (nint from, nint to) = Range(line);
        return address >= from && address < to;
    }

    private static (nint From, nint To) Range(string line)
    {
        string[] range = line.Split(' ')[0].Split('-');
        return ((nint)ulong.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            (nint)ulong.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
    }
}
