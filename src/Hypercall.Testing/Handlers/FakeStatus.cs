using System.Text;

namespace Hypercall.Testing;

/// <summary>The fake VMM's <c>get_status</c>: <c>vmm.On("get_status", new FakeStatus("up: yes\n").Answer)</c>.</summary>
/// <remarks>
/// <code>
/// in    RBX  guest virtual address of a buffer      RCX  its size in bytes
/// out   RAX = 0, RCX = n    the text is there, n bytes of UTF-8 without a NUL
///       RAX = 1, RCX = n    n bytes are needed; or, if that is no more than the size, a page was absent or not writable
///       nothing written     turned off by the VMM's configuration
/// </code>
/// Source: matsu/bitvisor, core/vmmcall_status.c.
/// </remarks>
public sealed class FakeStatus
{
    private const ulong Delivered = 0;
    private const ulong NotDelivered = 1;

    private readonly Func<string> _text;

    /// <summary>A status that stays the same.</summary>
    /// <param name="text">What the VMM says.</param>
    public FakeStatus(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _text = () => text;
    }

    /// <summary>A status that may change, or grow between two calls.</summary>
    /// <param name="text">Gives what the VMM says, once for each call. It may be called on several threads at once.</param>
    public FakeStatus(Func<string> text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _text = text;
    }

    /// <summary>Whether the VMM's configuration (<c>vmm.status</c>) turns the function on. The default is true.</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>Answers one call.</summary>
    /// <param name="call">The call.</param>
    public void Answer(FakeCall call)
    {
        ArgumentNullException.ThrowIfNull(call);
        if (!IsEnabled)
        {
            return;
        }

        byte[] text = Encoding.UTF8.GetBytes(_text());
        bool fits = (ulong)text.Length <= call.Rcx;
        call.Rcx = (ulong)text.Length;
        call.Rax = fits && call.CopyToGuest(new GuestVirtualAddress(call.Rbx), text).IsCompleted ? Delivered : NotDelivered;
    }
}
