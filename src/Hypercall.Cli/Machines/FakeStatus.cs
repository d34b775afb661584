using System.Text;
using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The fake VMM's <c>get_status</c>, by the rules that <see cref="BitVisor.VmmStatusClient"/> tells.</summary>
internal static class FakeStatus
{
    public const string Text = "Fake VMM: running.\nFunctions of its own: foo, upper_gva, upper_gpa, upper_list, upper_auto.\n";

    private const ulong Delivered = 0;
    private const ulong NotDelivered = 1;

    public static void Answer(FakeCall call)
    {
        byte[] text = Encoding.UTF8.GetBytes(Text);
        bool fits = (ulong)text.Length <= call.Rcx;
        call.Rcx = (ulong)text.Length;
        call.Rax = fits && call.TryWriteVirtual(new GuestVirtualAddress(call.Rbx), text, out _) ? Delivered : NotDelivered;
    }
}
