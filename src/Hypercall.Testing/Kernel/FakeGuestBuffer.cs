using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

/// <summary>A buffer of the fake guest, or a window onto memory that exists already.</summary>
internal sealed class FakeGuestBuffer : GuestBuffer
{
    private readonly IFakeBufferOwner _owner;
    private readonly FakeHold? _hold;

    public FakeGuestBuffer(
        IFakeBufferOwner owner,
        FakeMapping mapping,
        int number,
        GuestVirtualAddress address,
        long length,
        FakeHold? hold,
        Residency residency,
        Contiguity contiguity,
        FakeBufferKind kind)
        : base(address, length, residency, contiguity)
    {
        _owner = owner;
        _hold = hold;
        Mapping = mapping;
        Number = number;
        Kind = kind;
        ExcludedFrom = kind == FakeBufferKind.Allocation ? ExcludedCopies.CoreDumps | ExcludedCopies.ForkedChildren : ExcludedCopies.None;
        FirstPage = (int)((address.Value >> GuestPage.Shift) - mapping.FirstPage);
        PageCount = (int)GuestPage.Count(address, length);
    }

    public FakeMapping Mapping { get; }

    /// <summary>The how-manieth buffer of the run, from 1: what a plan and a trace call it by.</summary>
    public int Number { get; }

    public FakeBufferKind Kind { get; }

    /// <summary>Index of the first page in the mapping.</summary>
    public int FirstPage { get; }

    public int PageCount { get; }

    public bool BelongsTo(IFakeBufferOwner owner) => ReferenceEquals(_owner, owner);

    protected override Memory<byte> GetMemory(long offset, int length)
    {
        if (length > 0)
        {
            TouchPages(offset, length);
        }

        return Mapping.Bytes.Slice((int)(Address.Value - Mapping.Start.Value + (ulong)offset), length);
    }

    protected override void TouchPages(long offset, long length)
    {
        GuestVirtualAddress start = Address + offset;
        _owner.Touch(this, (int)((start.Value >> GuestPage.Shift) - Mapping.FirstPage), (int)GuestPage.Count(start, length));
    }

    protected override bool TryQueryPagesCore([NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        _owner.TryQueryPages(Address, Length, out pages, out refusal);

    protected override void Release() => _owner.Release(this, _hold);
}
