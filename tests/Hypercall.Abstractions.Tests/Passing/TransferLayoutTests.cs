using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using static Hypercall.GeneralRegister;
using Technique = Hypercall.Passing;

namespace Hypercall.Tests.Passing;

/// <summary>
/// Transfers by every layout, against a VMM that holds memory by frame and reads the frame of registers by itself.
/// </summary>
public class TransferLayoutTests
{
    private const ulong Number = 0x2a;
    private const ulong Word = 0x5eed_0000;

    private static readonly DescriptorFormat ByPhysicalAddress = new("length, flags, address", int.MaxValue, static (in piece, block) =>
    {
        BinaryPrimitives.WriteUInt32LittleEndian(block, (uint)piece.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], 0xF1A6);
        BinaryPrimitives.WriteUInt64LittleEndian(block[8..], piece.Address);
        return 16;
    });

    private static readonly DescriptorFormat ByVirtualAddress = new("address, length", 1, static (in piece, block) =>
    {
        BinaryPrimitives.WriteUInt64LittleEndian(block, piece.Address);
        BinaryPrimitives.WriteUInt64LittleEndian(block[8..], (ulong)piece.Length);
        return 16;
    }, byVirtualAddress: true);

    // How each VMM reads its registers is written down here once more, by hand.
    private static readonly Abi[] Abis =
    [
        new("BitVisor", HypercallConvention.BitVisor, null, r => r.Rax, (_, r) => new Told(r.Rbx, r.Rbx, (long)r.Rcx), r => [r.Rdx, r.Rsi, r.Rdi]),
        new("Hyper-V", HypercallConvention.HyperV, TransferLayout.HyperVPages, r => r.Rcx & 0xffff, (_, r) => new Told(r.Rdx, r.R8, null), r => [r.Rcx >> 16]),
        new("Xen", HypercallConvention.Xen, TransferLayout.Address(1), r => r.Rax, (_, r) => new Told(r.Rsi, r.Rsi, null), r => [r.Rdi, r.Rdx, r.R10, r.R8]),
        new("KVM", HypercallConvention.Kvm, TransferLayout.KvmPages, r => r.Rax, (_, r) => new Told(r.Rbx, r.Rbx, (long)r.Rcx * 4096), r => [r.Rdx, r.Rsi]),
        new("Nyx", HypercallConvention.Nyx, TransferLayout.Structure(0, ByVirtualAddress), r => r.Rbx, (vmm, r) =>
        {
            ulong at = vmm.Translate(r.Rcx);
            ulong address = Read(vmm, at, 8);
            return new Told(address, address, (long)Read(vmm, at + 8, 8));
        }, _ => []),
        new("VMware", HypercallConvention.Vmware, new TransferLayout(1, 2, length: 0), r => r.Rcx & 0xffff,
            (_, r) => new Told(r.Rsi, r.Rdi, (long)r.Rbx), r => [(r.Rdx >> 16) & 0xffff, (r.Rcx >> 16) & 0xffff, r.Rdx & 3]),
        new("ACRN", HypercallConvention.Acrn, TransferLayout.AddressAndLength, r => r.R8, (_, r) => new Told(r.Rdi, r.Rdi, (long)r.Rsi), _ => []),

        // The user's own.
        new("pointer", new HypercallConvention("pointer", Rax, [Rdi, Rsi]), TransferLayout.Structure(1, ByPhysicalAddress), r => r.Rax, (vmm, r) =>
        {
            ulong address = Read(vmm, r.Rsi + 8, 8);
            return new Told(address, address, (long)Read(vmm, r.Rsi, 4));
        }, r => [r.Rdi]),
        new("last", new HypercallConvention("last", R15, [Rdi, Rsi, R8]), new TransferLayout(2, 2, length: 0), r => r.R15, (_, r) => new Told(r.R8, r.R8, (long)r.Rdi), r => [r.Rsi]),
        new("shared", new HypercallConvention(
                "shared", new RegisterField(Rax, 16, 16), [Rdi, Rsi, new RegisterField(Rax, 32, 32)], result: Rdx, constants: [new(new RegisterField(Rax, 0, 16), 0x4711)]),
            TransferLayout.AddressAndLength, r => (r.Rax & 0xffff) == 0x4711 ? (r.Rax >> 16) & 0xffff : 0, (_, r) => new Told(r.Rdi, r.Rdi, (long)r.Rsi), r => [r.Rax >> 32]),
    ];

    [Property(Arbitrary = [typeof(Trials)], MaxTest = 600)]
    public void Every_byte_arrives_once_and_in_order_and_none_outside(Trial one)
    {
        ModelMachine machine = new() { Offset = one.BufferOffset, IsNeighbour = one.IsNeighbour };
        List<byte> taken = [];
        long position = 0;
        using GuestBuffer buffer = machine.Allocate(one.BufferLength);
        byte[] before = new byte[one.BufferLength];
        new Random(one.Seed).NextBytes(before);
        before.CopyTo(buffer.Span);
        GuestSlice slice = new(buffer, one.SliceOffset, one.SliceLength);
        bool oneExtent = machine.QueryPages(slice.Address, slice.Length).TryGetPagedRange(out PagedRange? range, out _) && range.IsContiguous;
        Technique plan = one.Technique != Technique.Auto ? one.Technique : oneExtent ? Technique.Contiguous : Technique.FrameList;
        Abi abi = one.Abi;
        HypercallFunction function = new(machine, abi.Convention, Number, layout: abi.Layout);
        ulong[] words = [.. abi.Words(default).Select((_, i) => i == 0 || abi.Name != "VMware" ? Word >> (i * 8) & 0xffff : 1ul)];
        machine.Serve = Serve;

        TransferResult result = function.TryTransfer(
            slice, one.Technique, one.Direction, TransferRule.CompletedMeansAll, new TransferOptions { Words = words, BytesPerCall = one.BytesPerCall });

        if (plan == Technique.Contiguous && !oneExtent && one.BytesPerCall is null && abi.Layout?.Descriptor?.MaxFrames != 1)
        {
            Assert.Equal((TransferOutcome.Refused, GuestMemoryRefusalReason.NotContiguous), (result.Outcome, result.Refusal!.Reason));
            Assert.Empty(machine.Calls);
            return;
        }

        if (result.Refusal?.Reason == GuestMemoryRefusalReason.NotContiguous)
        {
            Assert.Equal(Technique.Contiguous, plan);
            return; // a piece of several pages
        }

        Assert.Equal((TransferOutcome.Completed, slice.Length, plan), (result.Outcome, result.BytesDone, result.Passing));
        Assert.Empty(machine.Trespasses);
        byte[] sent = before[(int)slice.Offset..(int)(slice.Offset + slice.Length)];
        Assert.Equal(one.Direction.HasFlag(Direction.ToVmm) ? sent : [], taken);
        byte[] expected = [.. before];
        if (one.Direction.HasFlag(Direction.FromVmm))
        {
            sent.Select(ModelMachine.Transform).ToArray().CopyTo(expected.AsSpan((int)slice.Offset));
        }

        Assert.Equal(expected, buffer.Span.ToArray());
        Assert.Equal(machine.Calls.Count, result.Calls);

        void Serve(HypercallRegisters registers)
        {
            Assert.Equal(Number, abi.Number(registers));
            Assert.Equal(words, abi.Words(registers));
            Told told = abi.Told(machine, registers);
            long left = slice.Length - position;
            ulong at = slice.Address.Value + (ulong)position;
            long most = plan == Technique.PageByPage ? 4096 - (long)(at % 4096) : plan == Technique.FrameList ? (511 * 4096) - (long)(at % 4096) : left;
            long length = Math.Min(Math.Min(left, most), one.BytesPerCall ?? left);
            ulong[] from = [];
            ulong[] to = [];
            if (plan == Technique.FrameList)
            {
                Assert.True(told.Out == 0 || told.Out == told.In, "A list is read, and never written to.");
                from = to = [.. List(machine, told.In)];
            }
            else
            {
                length = abi.Layout is { Descriptor: not null } or { Length: not null } or null ? told.Length!.Value : length;
                from = told.In == 0 ? [] : [.. Addresses(told.In, length)];
                to = told.Out == 0 ? [] : [.. Addresses(told.Out, length)];
            }

            // What a VMM with two addresses is told, it does: it writes wherever the second one points. One with a single address
            // goes by the function.
            bool isPair = abi.Layout is { } layout && layout.ToVmm != layout.FromVmm && plan != Technique.FrameList;
            if (isPair || one.Direction.HasFlag(Direction.ToVmm))
            {
                taken.AddRange(from.Select(address => machine.Read(address) ?? 0));
            }

            if (isPair || one.Direction.HasFlag(Direction.FromVmm))
            {
                byte[] values = [.. to.Select(address => machine.Read(address) ?? 0)];
                for (int i = 0; i < to.Length; i++)
                {
                    machine.Write(to[i], ModelMachine.Transform(values[i]));
                }
            }

            position += Math.Max(from.Length, to.Length);
        }

        IEnumerable<ulong> Addresses(ulong start, long length) => Enumerable.Range(0, (int)length)
            .Select(i => plan == Technique.Virtual ? machine.Translate(start + (ulong)i) : start + (ulong)i);
    }

    [Fact]
    public void A_length_where_Hyper_V_expects_an_address_is_seen()
    {
        ModelMachine machine = new();
        machine.Serve = registers => machine.Write(registers.R8, 1);
        using GuestBuffer buffer = machine.Allocate(4096);
        HypercallFunction misplaced = new(machine, HypercallConvention.HyperV, 2, layout: TransferLayout.AddressAndLength);
        _ = misplaced.Transfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal("writes 0x1000", Assert.Single(machine.Trespasses));
    }

    [Theory]
    [InlineData(Direction.ToVmm, true, false)]
    [InlineData(Direction.FromVmm, false, true)]
    [InlineData(Direction.Both, true, true)]
    public void Hyper_V_is_told_an_address_only_for_what_goes_that_way(Direction direction, bool isIn, bool isOut)
    {
        ModelMachine machine = new() { Serve = _ => { } };
        using GuestBuffer buffer = machine.Allocate(4096);
        HypercallFunction function = new(machine, HypercallConvention.HyperV, 2, layout: TransferLayout.HyperVPages);
        _ = function.Transfer(buffer, Technique.PageByPage, direction, TransferRule.CompletedMeansAll);
        Assert.Equal((isIn, isOut), (machine.Calls[0].Rdx != 0, machine.Calls[0].R8 != 0));
    }

    [Fact]
    public void Without_a_layout_a_transfer_throws_before_memory_is_touched()
    {
        ModelMachine machine = new() { Serve = _ => Assert.Fail("It was called.") };
        using GuestBuffer buffer = machine.Allocate(4096);
        HypercallFunction function = new(machine, HypercallConvention.Xen, 17);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(
            () => function.TryTransfer(buffer, Technique.Virtual, Direction.ToVmm, TransferRule.CompletedMeansAll));
        Assert.Contains("Which arguments of Xen 17 hold memory is not known", e.Message, StringComparison.Ordinal);
        Assert.Equal((0, 1), (machine.Touches, machine.Allocated));
    }

    [Fact]
    public void Extents_are_written_for_each_run_of_frames()
    {
        ModelMachine machine = new() { IsNeighbour = page => page is 1 or 2 };
        List<ulong> extents = [];
        machine.Serve = registers => extents.AddRange(Enumerable.Range(0, (int)registers.Rcx / 8).Select(i => Read(machine, registers.Rbx + (ulong)(i * 8), 8)));
        using GuestBuffer buffer = machine.Allocate((4 * 4096) - 1);
        HypercallFunction function = new(machine, HypercallConvention.BitVisor, 1);
        _ = function.Transfer(buffer, Technique.ListOf(DescriptorFormat.Extents), Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal([machine.Translate(buffer.Address.Value), 3 * 4096, machine.Translate(buffer.Address.Value + (3 * 4096)), 4095], extents);
    }

    [Fact]
    public void A_structure_that_lists_frames_needs_a_technique_that_has_some()
    {
        ModelMachine machine = new() { Serve = _ => { } };
        using GuestBuffer buffer = machine.Allocate(4096);
        HypercallFunction function = new(machine, HypercallConvention.Nyx, 1, layout: TransferLayout.Structure(0, DescriptorFormat.Extents));
        foreach (Technique technique in (Technique[])[Technique.Virtual, Technique.FrameList, Technique.Auto])
        {
            _ = Assert.Throws<ArgumentException>(() => function.TryTransfer(buffer, technique, Direction.ToVmm, TransferRule.CompletedMeansAll));
        }

        Assert.True(function.TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll).IsCompleted);
    }

    [Fact]
    public void The_page_of_a_descriptor_is_kept_for_the_next_transfer()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(4096);
        HypercallFunction function = new(machine, HypercallConvention.BitVisor, ModelMachine.ByList);
        for (int i = 0; i < 3; i++)
        {
            _ = function.Transfer(buffer, Technique.FrameList, Direction.Both, TransferRule.BytesIn(Rcx));
        }

        Assert.Equal((2, 0), (machine.Allocated, machine.Released));
        Assert.Equal(machine.Calls[0].Rbx, machine.Calls[2].Rbx);
    }

    [Fact]
    public void Memory_that_goes_by_virtual_address_can_be_cut_and_cancelled_in_between()
    {
        ModelMachine machine = new();
        using CancellationTokenSource cancellation = new();
        machine.AfterCall = call => { if (call == 2) { cancellation.Cancel(); } };
        using GuestBuffer buffer = machine.Allocate(100_000);
        HypercallFunction function = new(machine, HypercallConvention.BitVisor, ModelMachine.ByVirtual);
        TransferResult result = function.TryTransfer(
            buffer, Technique.Virtual, Direction.ToVmm, TransferRule.BytesIn(Rcx), new TransferOptions { BytesPerCall = 10_000 }, cancellation.Token);
        Assert.Equal((TransferOutcome.Canceled, 20_000L, 2L), (result.Outcome, result.BytesDone, result.Calls));
        Assert.Equal([buffer.Address.Value, buffer.Address.Value + 10_000], machine.Calls.Select(call => call.Rbx));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_call_of_no_bytes_is_refused(long bytes)
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(1);
        HypercallFunction function = new(machine, HypercallConvention.BitVisor, ModelMachine.ByVirtual);
        _ = Assert.Throws<ArgumentException>(
            () => function.TryTransfer(buffer, Technique.Virtual, Direction.ToVmm, TransferRule.CompletedMeansAll, new TransferOptions { BytesPerCall = bytes }));
    }

    [Theory]
    [InlineData(4095, null)]
    [InlineData(4096, 100)]
    public void Memory_that_is_no_whole_number_of_units_is_refused(int length, int? bytesPerCall)
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(length);
        HypercallFunction function = new(machine, HypercallConvention.Kvm, 12, layout: TransferLayout.KvmPages);
        _ = Assert.Throws<ArgumentException>(() => function.TryTransfer(
            buffer, Technique.Contiguous, Direction.ToVmm, TransferRule.CompletedMeansAll, new TransferOptions { BytesPerCall = bytesPerCall }));
        Assert.Empty(machine.Calls);
    }

    [Fact]
    public void More_words_than_the_layout_leaves_are_refused()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(1);
        HypercallFunction function = new(machine, HypercallConvention.BitVisor, ModelMachine.ByVirtual);
        ArgumentException e = Assert.Throws<ArgumentException>(() => function.TryTransfer(
            buffer, Technique.Virtual, Direction.ToVmm, TransferRule.CompletedMeansAll, new TransferOptions { Words = [1, 2, 3, 4] }));
        Assert.Contains("leaves 3 arguments", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, machine.Touches);
    }

    [Fact]
    public void What_the_convention_calls_failure_ends_a_transfer_whatever_the_rule_says()
    {
        ModelMachine machine = new();
        HypercallConvention odd = new("odd", Rax, [Rbx, Rcx], result: R9, failure: new HypercallFailureRule("an odd number", value => value % 2 != 0));
        machine.Serve = _ => { };
        using GuestBuffer buffer = machine.Allocate(1);
        HypercallFunction function = new(machine.WithChannel(new Odd(machine)), odd, 1, name: null, TransferLayout.AddressAndLength);
        TransferResult result = function.TryTransfer(buffer, Technique.Virtual, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((TransferOutcome.FunctionFailed, 0L), (result.Outcome, result.BytesDone));
        Assert.Contains("0x7 (an odd number)", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_that_proves_another_VMM_ends_a_transfer()
    {
        ModelMachine machine = new() { Serve = _ => { } };
        using GuestBuffer buffer = machine.Allocate(1);
        HypercallFunction function = new(machine.WithChannel(new Kvm()), HypercallConvention.Nyx, 1, name: null, TransferLayout.Address(0));
        TransferResult result = function.TryTransfer(buffer, Technique.Virtual, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((TransferOutcome.ForeignVmm, 0L), (result.Outcome, result.BytesDone));
        _ = Assert.Throws<TransferException>(() => function.Transfer(buffer, Technique.Virtual, Direction.ToVmm, TransferRule.CompletedMeansAll));
    }

    [Theory]
    [InlineData(-1, 0, null, 1)]
    [InlineData(0, -1, null, 1)]
    [InlineData(0, 0, -1, 1)]
    [InlineData(0, 0, 0, 1)]
    [InlineData(0, 1, 1, 1)]
    [InlineData(0, 0, 1, 0)]
    [InlineData(0, 0, 1, 3)]
    [InlineData(0, 0, 1, 8192)]
    public void A_layout_that_is_none_is_refused(int toVmm, int fromVmm, int? length, int unit) =>
        _ = Assert.ThrowsAny<ArgumentException>(() => new TransferLayout(toVmm, fromVmm, length, unit));

    [Fact]
    public void A_layout_that_does_not_fit_its_convention_is_refused_when_the_function_is_made()
    {
        ModelMachine machine = new();
        ArgumentException few = Assert.Throws<ArgumentException>(
            () => new HypercallFunction(machine, HypercallConvention.Nyx, 1, layout: TransferLayout.AddressAndLength));
        Assert.Contains("uses argument 1, and the convention 'Nyx' has 1", few.Message, StringComparison.Ordinal);
        ArgumentException narrow = Assert.Throws<ArgumentException>(
            () => new HypercallFunction(machine, HypercallConvention.HyperV, 1, layout: TransferLayout.Address(2)));
        Assert.Contains("has 48 bits for that (RCX[63:16])", narrow.Message, StringComparison.Ordinal);
        _ = Assert.Throws<ArgumentException>(() => new HypercallConvention("c", Rax, [Rbx], layout: TransferLayout.AddressAndLength));
    }

    private static ulong Read(ModelMachine machine, ulong address, int bytes)
    {
        ulong value = 0;
        for (int i = bytes - 1; i >= 0; i--)
        {
            value = (value << 8) | (machine.Read(address + (ulong)i) ?? 0);
        }

        return value;
    }

    private static IEnumerable<ulong> List(ModelMachine machine, ulong at)
    {
        ulong length = Read(machine, at, 4);
        ulong offset = Read(machine, at + 4, 4);
        for (ulong i = offset; i < offset + length; i++)
        {
            yield return (Read(machine, at + 8 + (i / 4096 * 8), 8) << 12) + (i % 4096);
        }
    }

    /// <summary>What a VMM is told of a piece.</summary>
    /// <param name="In">Where it reads; 0 for nowhere.</param>
    /// <param name="Out">Where it writes; 0 for nowhere.</param>
    /// <param name="Length">How much; null where it is not told.</param>
    internal sealed record Told(ulong In, ulong Out, long? Length);

    internal sealed record Abi(
        string Name,
        HypercallConvention Convention,
        TransferLayout? Layout,
        Func<HypercallRegisters, ulong> Number,
        Func<ModelMachine, HypercallRegisters, Told> Told,
        Func<HypercallRegisters, ulong[]> Words)
    {
        public int Unit => Layout?.Unit ?? 1;

        public override string ToString() => Name;
    }

    public sealed record Trial(
        int Which, Technique Technique, Direction Direction, int BufferOffset, int BufferLength, int SliceOffset, int SliceLength, int Break, int? BytesPerCall, int Seed)
    {
        internal Abi Abi => Abis[Which];

        /// <summary>0 scatters every frame, 1 none, and n breaks the run at every n-th frame.</summary>
        public bool IsNeighbour(int page) => Break == 1 || (Break > 1 && page % Break != 0);
    }

    public static class Trials
    {
        public static Arbitrary<Trial> Trial() => Arb.From(
            from which in Gen.Choose(0, Abis.Length - 1)
            from technique in Gen.Elements(Technique.Virtual, Technique.Contiguous, Technique.PageByPage, Technique.FrameList, Technique.Auto)
            from direction in Gen.Elements(Direction.ToVmm, Direction.FromVmm, Direction.Both)
            from pages in Gen.Frequency((40, Gen.Choose(1, 5)), (1, Gen.Elements(511, 512, 1023)))
            from tail in Gen.Frequency((1, Gen.Constant(0)), (2, Gen.Choose(-4095, 4095)))
            from offset in Gen.Frequency((2, Gen.Constant(0)), (1, Gen.Choose(0, 4095)))
            let unit = Abis[which].Unit
            let length = unit == 1 ? Math.Max(1, (pages * GuestPage.Size) + tail) : pages * unit
            from sliceOffset in Gen.Frequency((2, Gen.Constant(0)), (1, Gen.Choose(0, (length / unit) - 1)))
            from sliceLength in Gen.Frequency((2, Gen.Constant((length / unit) - sliceOffset)), (1, Gen.Choose(1, (length / unit) - sliceOffset)))
            from breaks in Gen.Elements(0, 1, 1, 2, 3)
            from cut in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(unit == 1 ? 1000 : 1, unit == 1 ? 9000 : 3)))
            from seed in Gen.Choose(0, int.MaxValue)
            select new Trial(
                which, technique, direction, unit == 1 ? offset : 0, length, sliceOffset * unit, sliceLength * unit, breaks, cut == 0 ? null : cut * unit, seed));
    }

    private sealed class Odd(ModelMachine inner) : IHypercallChannel
    {
        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            HypercallStatus status = inner.TryInvoke(ref registers);
            registers.R9 = 7;
            return status;
        }
    }

    private sealed class Kvm : IHypercallChannel
    {
        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            registers.Rax = ulong.MaxValue;
            return HypercallStatus.Completed;
        }
    }
}
