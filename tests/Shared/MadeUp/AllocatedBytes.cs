using System.Diagnostics.Metrics;

namespace Hypercall.Tests;

/// <summary>What calls allocate, with somebody who listens to their meter or without.</summary>
internal static class AllocatedBytes
{
    private const int UntilTheCodeIsAsItStays = 100;

    /// <summary>How many calls <see cref="OfCalls"/> makes.</summary>
    public const int Calls = 1100;

    /// <summary>Calls a function with one word.</summary>
    /// <param name="function">The function.</param>
    /// <param name="meter">Its meter.</param>
    /// <param name="isListenedTo">Whether somebody listens.</param>
    /// <returns>How many bytes the calls allocated once the code is as it stays, and how many were counted.</returns>
    public static (long Bytes, long Counted) OfCalls(HypercallFunction function, Meter meter, bool isListenedTo)
    {
        long counted = 0;
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (isListenedTo && instrument.Meter == meter)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => counted += value);
        listener.Start();
        long before = 0;
        for (int i = 0; i < Calls; i++)
        {
            if (i == UntilTheCodeIsAsItStays)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            _ = function.TryCall(out _, 1);
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before, counted);
    }
}
