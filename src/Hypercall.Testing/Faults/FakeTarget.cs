using System.Globalization;

namespace Hypercall.Testing;

/// <summary>Which page a planned fault is about.</summary>
public readonly record struct FakeTarget
{
    private FakeTarget(int buffer, int page)
    {
        Buffer = buffer;
        Page = page;
    }

    /// <summary>
    /// The how-manieth buffer that the guest allocated or opened, from 1; 0 for <see cref="Accessed"/>. The library's own
    /// buffers count: the page with a name, the page with a frame list.
    /// </summary>
    public int Buffer { get; internal init; }

    /// <summary>Which of its pages, from 0.</summary>
    public int Page { get; internal init; }

    /// <summary>
    /// The page that the step is about: the one that the VMM is about to walk to, map or touch; at the edges of a call the one
    /// that RBX points to; at a guest step the first one of the buffer that the step is about.
    /// </summary>
    public static FakeTarget Accessed => default;

    /// <summary>A page of a buffer.</summary>
    /// <param name="buffer">The how-manieth buffer of the run, from 1.</param>
    /// <param name="page">Which of its pages, from 0.</param>
    public static FakeTarget Of(int buffer, int page)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(page);
        return new FakeTarget(buffer, page);
    }

    /// <summary>The target in words.</summary>
    public override string ToString() => Buffer == 0 ? "the accessed page" : string.Create(CultureInfo.InvariantCulture, $"page {Page} of buffer {Buffer}");

    internal string ToCSharp() => Buffer == 0 ? "FakeTarget.Accessed" : string.Create(CultureInfo.InvariantCulture, $"FakeTarget.Of({Buffer}, {Page})");
}
