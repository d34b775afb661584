using System.Runtime.InteropServices;
using System.Text;
using Hypercall.BitVisor;
using Hypercall.Linux;

namespace Hypercall.Conformance.Scenarios;

/// <summary><c>log_set_buf</c>: a ring whose physical address the VMM keeps.</summary>
internal static class LogScenarios
{
    public static IEnumerable<Scenario> All { get; } =
    [
        new("log: a ring in pinned memory of the program gets what is logged", Needs.Rig | Needs.Frames | Needs.Pinning, UserRing),
        new("log: a ring that is full keeps what was not read", Needs.Rig | Needs.Frames | Needs.Pinning, FullRing),
        new("log: a ring goes round", Needs.Rig | Needs.Frames | Needs.Pinning, RoundRing),
        new("log: log_set_buf from user space is refused without a word", Needs.Rig | Needs.Frames | Needs.Pinning, RefusedToUsers),
        new("log: log_set_buf at CPL 0 gets what is logged, in a buffer of the kernel's", Needs.Rig | Needs.Module, KernelRing),
        new("log: more than 256 bytes are refused, and none of an absent page are taken", Needs.Rig, Limits),
    ];

    private static ulong Write(ScenarioContext context, string text)
    {
        using GuestBuffer buffer = context.Allocate(GuestPage.Size);
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        bytes.CopyTo(buffer.Span);
        return context.Rig.Call("log_write", buffer.Address.Value, (ulong)bytes.Length);
    }

    // The VMM writes behind the compiler's back.
    private static uint Unread(GuestBuffer ring) => Volatile.Read(ref MemoryMarshal.Cast<byte, uint>(ring.Span[..4])[0]);

    private static ulong PhysicalOf(GuestBuffer buffer)
    {
        Check.That(buffer.TryQueryPages(out GuestPageMap? map, out _));
        return map.Pages.Span[0].Frame.Address.Value;
    }

    private static void WithRing(ScenarioContext context, int size, Action<GuestBuffer> check)
    {
        using GuestBuffer ring = context.Allocate(GuestPage.Size);
        ring.Span.Fill(0xEE);
        MemoryMarshal.Cast<byte, uint>(ring.Span[..4])[0] = 0;
        HypercallFunction set = context.Rig.Get("log_set_buf_user");
        using GuestBufferLease lease = ring.Lease("the log");
        Check.That(set.Call(PhysicalOf(ring), (ulong)size).NumberCameBack, "it never writes RAX");
        try
        {
            check(ring);
        }
        finally
        {
            Check.That(set.Call(0, 0).NumberCameBack, "it never writes RAX");
        }

        uint unread = Unread(ring);
        _ = Write(context, "after the end");
        Check.Equal(unread, Unread(ring), "a ring that the VMM has let go of");
        Check.That(ring.Span[size..].IndexOfAnyExcept((byte)0xEE) < 0, "what lies behind the ring");
    }

    private static void UserRing(ScenarioContext context) => WithRing(context, 1024, ring =>
    {
        Check.Equal(5ul, Write(context, "hello"));
        Check.Equal(5u, Unread(ring));
        Check.Equal(7ul, Write(context, ", world"));
        Check.Equal(12u, Unread(ring));
        Check.Equal("hello, world", Encoding.ASCII.GetString(ring.Span.Slice(4, 12)));
        Check.Equal((byte)0xEE, ring.Span[4 + 12]);
    });

    private static void FullRing(ScenarioContext context) => WithRing(context, 4 + 16, ring =>
    {
        Check.Equal(10ul, Write(context, "0123456789"));
        Check.Equal(10ul, Write(context, "abcdefghij"));
        Check.Equal(16u, Unread(ring));
        Check.Equal("0123456789abcdef", Encoding.ASCII.GetString(ring.Span.Slice(4, 16)));
    });

    private static void RoundRing(ScenarioContext context) => WithRing(context, 4 + 16, ring =>
    {
        int next = 0;
        for (int i = 0; i < 20; i++)
        {
            string text = $"line {i:00}\n";
            Check.Equal((ulong)text.Length, Write(context, text));
            Check.Equal((uint)text.Length, Unread(ring));
            StringBuilder read = new();
            for (int n = 0; n < text.Length; n++, next = (next + 1) % 16)
            {
                _ = read.Append((char)ring.Span[4 + next]);
            }

            Check.Equal(text, read.ToString());
            MemoryMarshal.Cast<byte, uint>(ring.Span[..4])[0] = 0; // read
        }
    });

    private static void RefusedToUsers(ScenarioContext context)
    {
        using GuestBuffer ring = context.Allocate(GuestPage.Size);
        HypercallFunction set = context.Rig.Get("log_set_buf");
        Check.That(set.Call(PhysicalOf(ring), 1024).NumberCameBack);
        _ = Write(context, "hello");
        Check.Equal(0u, Unread(ring));
        Check.That(set.Call(0, 0).NumberCameBack);
    }

    private static void KernelRing(ScenarioContext context)
    {
        using KernelModule module = new();
        using KernelBuffer ring = module.Memory.Allocate(1 << 16);
        using (VmmLog log = VmmLog.Start(module.Vmm, ring))
        {
            Check.Equal("", log.Read().Text);
            foreach (string text in (string[])["from user space, CPL", " 3", "\nand again\n"])
            {
                Check.Equal((ulong)text.Length, Write(context, text));
                VmmLogText read = log.Read();
                Check.Equal(text, read.Text);
                Check.That(!read.IsOverwritten);
            }

            Check.That(module.Memory.ListKept().Any(kept => kept.Id == ring.Id && kept.IsOpen && kept.PhysicalAddress == ring.PhysicalAddress), "it is kept");
        }

        Check.That(module.Memory.ListKept().All(kept => kept.Id != ring.Id), "it is kept no more");
        _ = Write(context, "after the end");
        Check.That(ring.Span[4..].IndexOfAnyExcept((byte)0) < 0, "a ring that the VMM has let go of");
    }

    private static void Limits(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Allocate(2 * GuestPage.Size, Residency.Touched);
        buffer.Span.Fill((byte)'.');
        Check.Equal(256ul, context.Rig.Call("log_write", buffer.Address.Value, 256), "256 bytes");
        Check.Equal(ulong.MaxValue, context.Rig.Call("log_write", buffer.Address.Value, 257), "257 bytes");
        Check.Equal(0ul, context.Rig.Call("log_write", buffer.Address.Value, 0), "no bytes");
        context.Machine.MigratePage(buffer, 1);
        Check.Equal(10ul, context.Rig.Call("log_write", buffer.Address.Value + GuestPage.Size - 10, 20), "into an absent page");
    }
}
