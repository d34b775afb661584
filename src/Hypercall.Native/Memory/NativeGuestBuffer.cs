using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

internal sealed class NativeGuestBuffer : GuestBuffer
{
    private readonly NativeMemoryHold _hold;
    private readonly IPlatformMemory _memory;
    private readonly ILogger _logger;
    private NativeMemoryManager? _manager;
    private bool _wasFinalized;

    public NativeGuestBuffer(
        GuestVirtualAddress address,
        long length,
        Residency residency,
        Contiguity contiguity,
        NativeMemoryHold hold,
        IPlatformMemory memory,
        ILogger logger)
        : base(address, length, residency, contiguity)
    {
        _hold = hold;
        ExcludedFrom = hold.ExcludedFrom;
        _memory = memory;
        _logger = logger;
    }

    ~NativeGuestBuffer()
    {
        // No field may be trusted after a constructor that threw.
        if (_hold is null || IsDisposed)
        {
            return;
        }

        if (MayReleaseInFinalizer())
        {
            try
            {
                _hold.Release();
            }
#pragma warning disable CA1031 // An exception in a finalizer ends the process, and a window unpins memory of the program, whose MemoryManager may be finalized already.
            catch (Exception)
#pragma warning restore CA1031
            {
            }

            return;
        }

        // The lease may be that of a window that was abandoned together with its buffer, and whose finalizer is next.
        if (!_wasFinalized)
        {
            _wasFinalized = true;
            GC.ReRegisterForFinalize(this);
            return;
        }

        try
        {
            GuestMemoryLog.Leaked(_logger, Length);
        }
#pragma warning disable CA1031 // An exception in a finalizer ends the process, and a logger may be gone when it runs.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    protected override Memory<byte> GetMemory(long offset, int length) =>
        NativeMemoryManager.Slice(this, ref _manager, offset, length);

    protected override void TouchPages(long offset, long length)
    {
        if (_hold.Touch(Address + offset, length) is { } refusal)
        {
            throw new GuestMemoryException(refusal);
        }
    }

    protected override bool TryQueryPagesCore(
        [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        _memory.TryQueryPages(Address, Length, out pages, out refusal);

    protected override void Release() => _hold.Release();
}
