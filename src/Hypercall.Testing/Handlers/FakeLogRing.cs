using System.Buffers.Binary;
using System.Text;

namespace Hypercall.Testing;

/// <summary>
/// The fake VMM's <c>log_set_buf</c>, through which the guest gives it memory to write its log into, for as long as it likes:
/// <c>vmm.On("log_set_buf", ring.Answer)</c>, and <c>ring.Write("...")</c> whenever the VMM has something to say.
/// </summary>
/// <remarks>
/// <code>
/// in    RBX  guest physical address of the ring     RCX  its size in bytes; 0 and 0 take it back
/// out   nothing, done or refused: RAX stays the function's number
///
/// ring  offset  0             4                                    size
///               u32 unread    the VMM writes on from here   ->  ... and begins here again at the end
/// </code>
/// <para>
/// The count (<see cref="Counts"/>) is of bytes that were written since the guest last took some off it; more than fits the ring
/// means that the oldest are overwritten. The VMM writes wherever the guest said, even when the page is somewhere else by then:
/// what it is given must be pinned, and leased (<see cref="TransferOptions.KeptBy"/>).
/// </para>
/// <para>
/// Only the guest's kernel may set it: a call from a program changes nothing, unless <see cref="AnyCpl"/>. Source:
/// matsu/bitvisor, core/vmmcall_log.c. Safe to use from any number of threads.
/// </para>
/// </remarks>
public sealed class FakeLogRing
{
    private const int First = sizeof(uint);

    private readonly Lock _gate = new();
    private FakeView? _view;
    private long _offset = First;

    /// <summary>Whether a program may set the ring, as it can on no real VMM. The default is false.</summary>
    public bool AnyCpl { get; init; }

    /// <summary>
    /// Whether the VMM counts what it writes. The default is true; false is how builds since 2023 do it: the count becomes old
    /// AND 1, and only the ring's text tells what is new.
    /// </summary>
    public bool Counts { get; init; } = true;

    /// <summary>Whether the VMM has a ring to write to.</summary>
    public bool IsSet
    {
        get
        {
            lock (_gate)
            {
                return _view is not null;
            }
        }
    }

    /// <summary>Answers one call.</summary>
    /// <param name="call">The call.</param>
    public void Answer(FakeCall call)
    {
        ArgumentNullException.ThrowIfNull(call);
        if (call.Cpl != 0 && !AnyCpl)
        {
            return;
        }

        lock (_gate)
        {
            // A ring without room for a byte would be written past its end; a range with a hole cannot be mapped.
            _view = call.Rbx != 0 && call.Rcx is > First and <= long.MaxValue
                && call.TryMap(new GuestPhysicalAddress(call.Rbx), (long)call.Rcx, FakeMapAccess.Write, out FakeView? view) ? view : null;
            _offset = First;
        }
    }

    /// <summary>The VMM writes text to its log.</summary>
    /// <param name="text">The text; it goes to the ring as UTF-8. Without a ring it goes nowhere.</param>
    public void Write(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>The VMM writes bytes to its log.</summary>
    /// <param name="bytes">The bytes. Without a ring they go nowhere.</param>
    /// <exception cref="FakeMachineException">
    /// <see cref="FakeOracle.VmmPanic"/>: the guest gave the VMM's own memory for a ring.
    /// </exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            while (_view is not null && !bytes.IsEmpty)
            {
                ReadOnlySpan<byte> run = bytes[..(int)Math.Min(bytes.Length, _view.Length - _offset)];
                _ = _view.Write(_offset, run);
                Count(_view, (uint)run.Length, Counts); // after the bytes: who reads the count finds them there
                _offset = _offset + run.Length == _view.Length ? First : _offset + run.Length;
                bytes = bytes[run.Length..];
            }
        }
    }

    private static void Count(FakeView view, uint more, bool counts)
    {
        Span<byte> counter = stackalloc byte[sizeof(uint)];
        _ = view.Read(0, counter);
        uint old = BinaryPrimitives.ReadUInt32LittleEndian(counter);
        BinaryPrimitives.WriteUInt32LittleEndian(counter, counts ? unchecked(old + more) : old & 1);
        _ = view.Write(0, counter);
    }
}
