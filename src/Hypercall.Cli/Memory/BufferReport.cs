using Hypercall.Cli.Output;

namespace Hypercall.Cli.Memory;

/// <summary>What was seen of one buffer.</summary>
/// <param name="Residency">The residency that was asked for.</param>
internal sealed record BufferReport(Residency Residency)
{
    /// <summary>Its name.</summary>
    public string Asked => Residency.ToString().ToLowerInvariant();

    /// <summary>What it got; null when there is no buffer.</summary>
    public string? Got { get; init; }

    /// <summary>What pins it.</summary>
    public string? Mechanism { get; init; }

    public long Bytes { get; init; }

    public long Pages { get; init; }

    /// <summary>How many pages are in memory; null when the kernel does not tell.</summary>
    public long? Present { get; init; }

    /// <summary>How its frames lie; null when the kernel does not tell.</summary>
    public IReadOnlyList<Extent>? Extents { get; init; }

    /// <summary>How many pages lie in another frame than at first; null when the kernel does not tell.</summary>
    public long? Moved { get; init; }

    /// <summary>
    /// Why there is no buffer, or what the kernel does not tell; null when nothing is missing. In the tool's words.
    /// </summary>
    public GuestMemoryRefusal? Refusal
    {
        get;
        init => field = value is null ? null : value with { Message = ToolWords.Of(value.Message) };
    }
}
