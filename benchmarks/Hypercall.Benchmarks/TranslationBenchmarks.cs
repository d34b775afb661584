using BenchmarkDotNet.Attributes;
using Hypercall.Native;

namespace Hypercall.Benchmarks;

/// <summary>From virtual addresses to frames, over memory that was written to. Frame numbers need root.</summary>
public unsafe class TranslationBenchmarks
{
    /// <summary>1 GiB of small pages.</summary>
    public const int Most = 1 << 18;

    private const int TextbookPages = 4096; // a part of the gigabyte: the textbook way costs the same for each page

    private readonly NativeGuestMemory _memory = new();
    private void* _start;

    [GlobalSetup]
    public void Setup()
    {
        _start = Peers.TouchedMemory(Most);
        if (_start == null)
        {
            throw new InvalidOperationException("There is no gigabyte of memory to translate.");
        }
    }

    [GlobalCleanup]
    public void Cleanup() => Peers.FreeMemory(_start, Most);

    [Benchmark]
    [Arguments(1)]
    [Arguments(64)]
    [Arguments(4096)]
    [Arguments(65_536)]
    [Arguments(Most)]
    public PagedRange Translate(int pages)
    {
        GuestPageMap map = _memory.QueryPages(new GuestVirtualAddress((ulong)_start), (long)pages << GuestPage.Shift);
        return map.TryGetPagedRange(out PagedRange? range, out GuestMemoryRefusal? refusal) ? range : throw new GuestMemoryException(refusal);
    }

    [Benchmark]
    [Arguments(1)]
    [Arguments(64)]
    [Arguments(4096)]
    [Arguments(65_536)]
    [Arguments(Most)]
    public void TranslateInC(int pages) => Peers.Check(Peers.Translate(_start, pages));

    [Benchmark(OperationsPerInvoke = TextbookPages)]
    public void TranslateOnePageByTheTextbook() => Peers.Check(Peers.TranslateTextbook(_start, TextbookPages));
}
