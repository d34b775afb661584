using System.Runtime.InteropServices;
using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>
/// A page with a handler of a guard: of this one, or of a copy of the library in another runtime of this process, which has an
/// arena of its own and is found by the magic number.
/// </summary>
/// <remarks>
/// <code>
/// 00  "HYPERCALL-GUARD", 0
/// 10  version of this layout, signal           what the handler is installed for
/// 18  flags, 1 if what is next leads nowhere   the default action, or a .NET runtime's handler, which was there before
/// 20  mask of the action
/// 28  next                                     SIG_DFL, SIG_IGN or the handler that was there before; it never changes
/// 40  the handler: machine code                a page that is not one of ours, or cannot be read, ends a walk from one to the next
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Entry)]
internal unsafe struct HandlerPage
{
    /// <summary>Where the handler lies in the page.</summary>
    public const int Entry = 0x40;

    // In the order of the bytes: "HYPERCAL", "L-GUARD\0".
    private const ulong Magic0 = 0x4C41_4352_4550_5948;
    private const ulong Magic1 = 0x0044_5241_5547_2D4C;
    private const int CurrentVersion = 1;

    [FieldOffset(0x00)]
    private ulong _magic0;

    [FieldOffset(0x08)]
    private ulong _magic1;

    [FieldOffset(0x10)]
    private int _version;

    [FieldOffset(0x14)]
    public int Signal;

    [FieldOffset(0x18)]
    private uint _flags;

    [FieldOffset(0x1C)]
    private int _leadsNowhere;

    [FieldOffset(0x20)]
    private ulong _mask;

    [FieldOffset(0x28)]
    public nint Next;

    /// <summary>Whether what is next leads to no other handler that could be installed now.</summary>
    public readonly bool LeadsNowhere => _leadsNowhere != 0;

    /// <summary>What sigaction is to be told about the handler.</summary>
    /// <param name="handler">Where it lies.</param>
    public readonly Libc.SignalActionRecord Action(nint handler)
    {
        Libc.SignalActionRecord action = default;
        action.Handler = handler;
        action.Flags = _flags;
        action.Mask[0] = _mask;
        return action;
    }

    /// <summary>Makes the bytes of a page.</summary>
    /// <param name="signal">The signal.</param>
    /// <param name="found">The action before it: it keeps its flags and mask, so that its handler runs as it was meant
    /// to.</param>
    /// <param name="leadsNowhere">Whether that handler leads to no other.</param>
    /// <param name="stubs">The slots that the handler is responsible for.</param>
    /// <param name="page">Where the page will lie.</param>
    public static byte[] Assemble(int signal, in Libc.SignalActionRecord found, bool leadsNowhere, CodeArena stubs, nint page)
    {
        HandlerPage header = new()
        {
            _magic0 = Magic0,
            _magic1 = Magic1,
            _version = CurrentVersion,
            Signal = signal,
            _flags = (found.Flags & ~(Libc.SaRestorer | Libc.SaResetHand)) | Libc.SaSigInfo,
            _leadsNowhere = leadsNowhere ? 1 : 0,
            _mask = found.Mask[0],
            Next = found.Handler,
        };
        if (found.Handler is Libc.SigDfl or Libc.SigIgn)
        {
            header._flags |= Libc.SaOnStack; // a thread that has overflowed its stack has no other
        }

        return
        [
            .. MemoryMarshal.AsBytes(new ReadOnlySpan<HandlerPage>(in header)),
            .. HandlerAssembler.ForSignals(stubs, found.Handler, page + Entry),
        ];
    }

    /// <summary>Reads the page of a handler in an arena of ours, which needs nobody's leave.</summary>
    /// <param name="handler">The handler.</param>
    public static HandlerPage Read(nint handler) => *(HandlerPage*)(handler - Entry);

    /// <summary>Reads the page that a handler lies in, if that is a guard's.</summary>
    /// <param name="handler">Any address: nothing is read that cannot be. Where the kernel does not read for us, others' guards
    /// are strangers.</param>
    /// <param name="ours">Our own pages.</param>
    /// <param name="page">The page.</param>
    public static bool TryRead(nint handler, CodeArena ours, out HandlerPage page)
    {
        if (ours.Contains(handler))
        {
            page = Read(handler);
            return true;
        }

        page = default;
        if ((handler & (StubLayout.SlotSize - 1)) != Entry)
        {
            return false;
        }

        // By the kernel: the handler may lie in a library that was unloaded, or in code that may be executed and not read.
        fixed (HandlerPage* copy = &page)
        {
            Libc.IoVector local = new() { Base = copy, Length = (nuint)sizeof(HandlerPage) };
            Libc.IoVector remote = new() { Base = (void*)(handler - Entry), Length = (nuint)sizeof(HandlerPage) };
            return Libc.ReadProcessMemory(Environment.ProcessId, &local, 1, &remote, 1, 0) == sizeof(HandlerPage)
                && page is { _magic0: Magic0, _magic1: Magic1, _version: CurrentVersion };
        }
    }

    /// <summary>Walks from a handler through guards to the first that is none: SIG_DFL, SIG_IGN, or somebody's.</summary>
    /// <param name="handler">Where to begin; the first that is given.</param>
    /// <param name="ours">Our own pages.</param>
    public static IEnumerable<nint> Walk(nint handler, CodeArena ours)
    {
        const int Enough = 64; // a guard is older than what leads to it, so that there is no circle; nobody has to believe that
        for (int i = 0; i < Enough; i++)
        {
            yield return handler;
            if (!TryRead(handler, ours, out HandlerPage page))
            {
                yield break;
            }

            handler = page.Next;
        }
    }
}
