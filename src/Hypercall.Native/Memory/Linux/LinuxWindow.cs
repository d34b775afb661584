using System.Buffers;

namespace Hypercall.Native;

/// <summary>Memory of somebody else, made resident for as long as a window is open.</summary>
internal sealed class LinuxWindow(GuestVirtualAddress start, long length, MemoryHandle handle) : NativeMemoryHold
{
    private readonly PageSpan _pages = PageSpan.Of(start, length);
    private MemoryHandle _handle = handle;
    private PinSlot[]? _pins;
    private bool _locked;

    public PageSpan Pages => _pages;

    public override GuestMemoryRefusal? Touch() => Touch(start, length);

    public override GuestMemoryRefusal? Touch(GuestVirtualAddress first, long length) => PageToucher.Touch(PageSpan.Of(first, length), (nuint)first.Value);

    public GuestMemoryRefusal? Lock()
    {
        int error = LinuxPageLocker.Process.TryLock(_pages);
        _locked = error == 0;
        return _locked ? null : LinuxRefusals.Of(new PinFailure(LinuxCall.Lock, error), _pages);
    }

    public bool TryPin(PinTable pins, out PinFailure failure)
    {
        _pins = pins.TryPin(_pages, out failure);
        return _pins is not null;
    }

    public override void Release()
    {
        LetGo();
        _handle.Dispose();
    }

    /// <summary>Unpins and unlocks, and keeps the memory alive: for another try.</summary>
    public void LetGo()
    {
        if (_pins is not null)
        {
            PinTable.Unpin(_pins);
            _pins = null;
        }

        if (_locked)
        {
            LinuxPageLocker.Process.Unlock(_pages);
            _locked = false;
        }
    }
}
