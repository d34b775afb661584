namespace Hypercall;

/// <summary>A channel that executes many frames faster than one by one.</summary>
internal interface IManyFrames
{
    /// <summary>As <see cref="HypercallChannelExtensions.TryInvokeAll"/>.</summary>
    HypercallStatus TryInvokeAll(Span<HypercallRegisters> frames, out int completed);
}
