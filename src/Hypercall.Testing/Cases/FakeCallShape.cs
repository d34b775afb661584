using System.Globalization;

namespace Hypercall.Testing;

/// <summary>A call of a generated case.</summary>
/// <param name="Buffer">Which of the case's buffers, from 0.</param>
/// <param name="Technique">How it is handed over.</param>
/// <param name="Direction">Which way the data goes.</param>
public sealed record FakeCallShape(int Buffer, FakeTechnique Technique, Direction Direction)
{
    /// <summary>The library's own way of handing a buffer over like that.</summary>
    public Passing Passing => Technique switch
    {
        FakeTechnique.Virtual => Passing.Virtual,
        FakeTechnique.Contiguous => Passing.Contiguous,
        FakeTechnique.PageByPage => Passing.PageByPage,
        _ => Passing.FrameList,
    };

    internal string ToCSharp() => string.Create(
        CultureInfo.InvariantCulture, $"new FakeCallShape({Buffer}, {nameof(FakeTechnique)}.{Technique}, {nameof(Hypercall.Direction)}.{Direction})");
}
