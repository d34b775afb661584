namespace Hypercall.Testing.Tests;

/// <summary>Handlers find memory where the layout of a call says, in any convention.</summary>
public sealed class FakeLayoutTests
{
    private const int Page = GuestPage.Size;
    private static readonly byte[] Text = [.. "some bytes of a program"u8];

    [Theory]
    [InlineData(Direction.ToVmm)]
    [InlineData(Direction.FromVmm)]
    [InlineData(Direction.Both)]
    public void By_virtual_address_in_an_argument_of_Xen(Direction direction)
    {
        TransferLayout layout = new(1, 1, length: 2);
        List<byte> seen = [];
        FakeMachine fake = Machine(FakeVmmPersonality.Xen).On(HypercallConvention.Xen, 17, FakeHandlers.ByVirtualAddress(Upper(seen), direction, layout: layout));
        using GuestBuffer buffer = Filled(fake, (2 * Page) - 3);

        TransferResult result = new HypercallFunction(fake, HypercallConvention.Xen, 17, layout: layout)
            .Transfer(buffer, Passing.Virtual, direction, FakeHandlers.Rule, new TransferOptions { Words = [6] });

        Check(result, buffer, seen, direction);
    }

    [Theory]
    [InlineData(Direction.ToVmm)]
    [InlineData(Direction.FromVmm)]
    [InlineData(Direction.Both)]
    public void By_pages_of_Hyper_V(Direction direction)
    {
        List<byte> seen = [];
        FakeMachine fake = Machine(FakeVmmPersonality.HyperV)
            .On(HypercallConvention.HyperV, 0x5C, FakeHandlers.ByPhysicalAddress(Upper(seen), direction, FakeAnswer.Status, TransferLayout.HyperVPages));
        using GuestBuffer buffer = Filled(fake, 2 * Page);

        TransferResult result = new HypercallFunction(fake, HypercallConvention.HyperV, 0x5C, layout: TransferLayout.HyperVPages)
            .Transfer(buffer, Passing.PageByPage, direction, TransferRule.CompletedMeansAll);

        Check(result, buffer, seen, direction);
    }

    [Fact]
    public void What_is_read_from_one_page_of_Hyper_V_is_written_to_another()
    {
        FakeMachine fake = Machine(FakeVmmPersonality.HyperV)
            .On(HypercallConvention.HyperV, 1, FakeHandlers.ByPhysicalAddress(Upper([]), layout: TransferLayout.HyperVPages))
            .On(HypercallConvention.HyperV, 2, FakeHandlers.ByVirtualAddress(Upper([]), layout: TransferLayout.HyperVPages));
        using GuestBuffer input = Filled(fake, Page);
        using GuestBuffer output = fake.Memory.Allocate(Page, Residency.Pinned);
        byte[] before = input.Span.ToArray();

        _ = new HypercallFunction(fake, HypercallConvention.HyperV, 1).Call(Gpa(input), Gpa(output));
        Assert.Equal(Large(before), output.Span.ToArray());
        output.Span.Clear();
        _ = new HypercallFunction(fake, HypercallConvention.HyperV, 2).Call(input.Address.Value, output.Address.Value);

        Assert.Equal(Large(before), output.Span.ToArray());
        Assert.Equal(before, input.Span.ToArray());
    }

    [Fact]
    public void By_a_count_of_pages_as_KVM_has_it()
    {
        List<byte> seen = [];
        FakeMachine fake = Machine(FakeVmmPersonality.Kvm)
            .On(HypercallConvention.Kvm, 12, FakeHandlers.ByPhysicalAddress(Upper(seen), layout: TransferLayout.KvmPages));
        using GuestBuffer buffer = Filled(fake, 3 * Page);

        TransferResult result = new HypercallFunction(fake, HypercallConvention.Kvm, 12, layout: TransferLayout.KvmPages)
            .Transfer(buffer, Passing.PageByPage, Direction.Both, FakeHandlers.Rule);

        Check(result, buffer, seen, Direction.Both);
    }

    [Fact]
    public void By_the_only_argument_of_Nyx_from_user_mode()
    {
        List<byte> seen = [];
        FakeMachine fake = new FakeMachine(FakeVmmPersonality.Nyx)
            .On(HypercallConvention.Nyx, 13, FakeHandlers.ByVirtualAddress(Upper(seen), Direction.ToVmm, layout: TransferLayout.Address(0)));
        using GuestBuffer buffer = Filled(fake, Page);

        TransferResult result = new HypercallFunction(fake, HypercallConvention.Nyx, 13, layout: TransferLayout.Address(0))
            .Transfer(buffer, Passing.Virtual, Direction.ToVmm, FakeHandlers.Rule);

        Check(result, buffer, seen, Direction.ToVmm);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void By_frame_list_with_its_length_in_an_argument_or_only_in_itself(bool hasLength)
    {
        TransferLayout layout = hasLength ? new TransferLayout(3, 3, length: 0) : TransferLayout.Address(3);
        List<byte> seen = [];
        FakeMachine fake = Machine(FakeVmmPersonality.Xen).On(HypercallConvention.Xen, 40, FakeHandlers.ByFrameList(Upper(seen), layout: layout));
        using GuestBuffer buffer = Filled(fake, (3 * Page) - 9);

        TransferResult result = new HypercallFunction(fake, HypercallConvention.Xen, 40, layout: layout)
            .Transfer(buffer.Slice(5, (2 * Page) + 7), Passing.FrameList, Direction.Both, FakeHandlers.Rule);

        Assert.Equal((2 * Page) + 7, result.BytesDone);
        Assert.Equal(Large([.. seen]), buffer.Span.Slice(5, (2 * Page) + 7).ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void By_extents_as_a_list_or_as_the_structure_of_a_layout(bool isStructure)
    {
        TransferLayout layout = new(3, 3, length: 0, descriptor: DescriptorFormat.Extents);
        List<byte> seen = [];
        FakeMachine fake = Machine(FakeVmmPersonality.Xen)
            .On(HypercallConvention.Xen, 40, FakeHandlers.ByFrameList(Upper(seen), layout: layout));
        using GuestBuffer buffer = Filled(fake, (5 * Page) - 9);
        TransferLayout programs = isStructure ? layout : new TransferLayout(3, 3, length: 0);

        TransferResult result = new HypercallFunction(fake, HypercallConvention.Xen, 40, layout: programs).Transfer(
            buffer.Slice(5, (3 * Page) + 7),
            isStructure ? Passing.PageByPage : Passing.ListOf(DescriptorFormat.Extents),
            Direction.Both,
            FakeHandlers.Rule);

        Assert.Equal((3 * Page) + 7, result.BytesDone);
        Assert.Equal(isStructure ? 4 : 1, result.Calls);
        Assert.Equal(Large([.. seen]), buffer.Span.Slice(5, (3 * Page) + 7).ToArray());
        Assert.Equal((byte)'s', buffer.Span[0]);
    }

    [Theory]
    [InlineData(0, 16, 0x1000, 0)] // an extent of no bytes
    [InlineData(0, 16, 0x1000, long.MaxValue)]
    [InlineData(0, 16, 1L << 52, 1)]
    [InlineData(0, 15, 0x1000, 1)] // no whole number of extents
    [InlineData(0, 0, 0x1000, 1)]
    [InlineData(0, 4112, 0x1000, 1)] // more than a page
    [InlineData(4088, 16, 0x1000, 1)] // over the end of its page
    public void Extents_that_are_none_are_refused(int at, ulong size, long start, long length)
    {
        TransferLayout layout = new(0, 0, length: 1, descriptor: DescriptorFormat.Extents);
        FakeMachine fake = Machine(FakeVmmPersonality.Xen)
            .On(HypercallConvention.Xen, 40, FakeHandlers.ByFrameList(Upper([]), layout: layout));
        using GuestBuffer list = fake.Memory.Allocate(2 * Page, Residency.Pinned);
        BitConverter.TryWriteBytes(list.Span[at..], start);
        BitConverter.TryWriteBytes(list.Span[(at + 8)..], length);

        HypercallFunction function = new(fake, HypercallConvention.Xen, 40);
        Assert.Equal(ulong.MaxValue, function.Call(Gpa(list) + (ulong)at, size).Rax);
    }

    [Fact]
    public void Extents_without_a_length_are_refused_and_a_format_of_ones_own_is_said_to_be_unreadable()
    {
        DescriptorFormat mine = new("mine", 1, static (in piece, block) => 8);
        TransferLayout endless = TransferLayout.Structure(0, DescriptorFormat.Extents);
        FakeMachine fake = Machine(FakeVmmPersonality.Xen)
            .On(HypercallConvention.Xen, 40, FakeHandlers.ByFrameList(Upper([]), layout: endless))
            .On(HypercallConvention.Xen, 41, FakeHandlers.ByFrameList(Upper([]), layout: TransferLayout.Structure(0, mine)));
        using GuestBuffer buffer = Filled(fake, Page);

        Assert.Equal(ulong.MaxValue, new HypercallFunction(fake, HypercallConvention.Xen, 40).Call(Gpa(buffer)).Rax);
        HypercallFunction unreadable = new(fake, HypercallConvention.Xen, 41);
        Exception e = Assert.Throws<InvalidOperationException>(() => unreadable.Call(Gpa(buffer)));
        Assert.Contains("has 'mine'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void By_whichever_it_is_given()
    {
        TransferLayout layout = new(4, 4, length: 3);
        List<byte> seen = [];
        FakeMachine fake = Machine(FakeVmmPersonality.Xen).On(HypercallConvention.Xen, 40, FakeHandlers.ByEither(Upper(seen), layout: layout));
        using GuestBuffer buffer = Filled(fake, 3 * Page);

        HypercallFunction function = new(fake, HypercallConvention.Xen, 40, layout: layout);
        Check(function.Transfer(buffer, Passing.FrameList, Direction.Both, FakeHandlers.Rule), buffer, seen, Direction.Both);
        seen.Clear();
        Check(function.Transfer(buffer, Passing.PageByPage, Direction.Both, FakeHandlers.Rule), buffer, seen, Direction.Both);
    }

    [Fact]
    public void A_write_to_memory_that_no_argument_of_the_convention_points_to_is_found()
    {
        FakeMachine fake = Machine(FakeVmmPersonality.Xen);
        using GuestBuffer given = fake.Memory.Allocate(Page, Residency.Pinned);
        using GuestBuffer other = fake.Memory.Allocate(Page, Residency.Pinned);
        _ = fake.On(HypercallConvention.Xen, 1, call => call.TryWriteVirtual(given.Address, [1], out _))
            .On(HypercallConvention.Xen, 2, call => call.TryWriteVirtual(other.Address, [1], out _));

        _ = Give(1);
        OracleAssert.Speaks(FakeOracle.WriteOutside, () => Give(2));

        TransferResult Give(ulong number) => new HypercallFunction(fake, HypercallConvention.Xen, number, layout: TransferLayout.Address(4))
            .Transfer(given, Passing.Virtual, Direction.FromVmm, TransferRule.CompletedMeansAll);
    }

    private static FakeMachine Machine(FakeVmmPersonality vmm) => new(new FakeMachineOptions { Personality = vmm, Cpl = 0 });

    private static GuestBuffer Filled(FakeMachine fake, int length)
    {
        GuestBuffer buffer = fake.Memory.Allocate(length, Residency.Pinned);
        for (int i = 0; i < length; i++)
        {
            buffer.Span[i] = Text[i % Text.Length];
        }

        return buffer;
    }

    private static ulong Gpa(GuestBuffer buffer)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? map, out _));
        Assert.True(map.TryGetPagedRange(out PagedRange? range, out _));
        return range.Start.Value;
    }

    private static FakeTransform Upper(List<byte> seen) => (call, bytes) =>
    {
        seen.AddRange(bytes);
        FakeHandlers.ToUpper(call, bytes);
    };

    private static byte[] Large(byte[] bytes)
    {
        byte[] large = [.. bytes];
        FakeHandlers.ToUpper(null!, large);
        return large;
    }

    private static void Check(TransferResult result, GuestBuffer buffer, List<byte> seen, Direction direction)
    {
        byte[] text = [.. Enumerable.Range(0, (int)buffer.Length).Select(i => Text[i % Text.Length])];
        Assert.Equal(buffer.Length, result.BytesDone);
        byte[] expected = direction switch { Direction.ToVmm => text, Direction.FromVmm => new byte[buffer.Length], _ => Large(text) };
        Assert.Equal(expected, buffer.Span.ToArray());
        Assert.Equal(buffer.Length, seen.Count);
        Assert.True(direction == Direction.FromVmm || Large([.. seen]).SequenceEqual(Large(text)));
    }
}
