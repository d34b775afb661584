namespace Hypercall.BitVisor;

/// <summary>What the VMM wrote to its log since the last reading.</summary>
public sealed class VmmLogText
{
    internal VmmLogText(string text, bool isOverwritten, long? bytesLost)
    {
        Text = text;
        IsOverwritten = isOverwritten;
        BytesLost = bytesLost;
    }

    /// <summary>The text, read as UTF-8; empty when nothing came.</summary>
    public string Text { get; }

    /// <summary>
    /// Whether the VMM wrote on over text that nobody had read: what stood before <see cref="Text"/> is lost. A VMM that does not
    /// count leaves a full ring, which may have been overwritten or not: then this is true, the text begins where the last one
    /// ended, and newer lines may stand before older ones.
    /// </summary>
    public bool IsOverwritten { get; }

    /// <summary>How many bytes were lost; null when the VMM does not count, and 0 when none were.</summary>
    public long? BytesLost { get; }
}
