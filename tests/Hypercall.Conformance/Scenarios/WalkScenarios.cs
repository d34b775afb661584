using Hypercall.Conformance.Interop;

namespace Hypercall.Conformance.Scenarios;

/// <summary>The VMM's page walker against what the kernel says.</summary>
internal static class WalkScenarios
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong NoExecute = 1ul << 63;

    public static IEnumerable<Scenario> All { get; } =
    [
        new("walk: pages are in the frames that the kernel names", Needs.Rig | Needs.Frames, Frames),
        new("walk: an absent page is not found, with the error code of a user's read", Needs.Rig, Absent),
        new("walk: a swapped-out page is not found", Needs.Rig | Needs.Swap, Swapped),
        new("walk: nothing is found where nothing is", Needs.Rig, NothingNowhere),
        new("walk: a read-only page is not writable", Needs.Rig | Needs.Protection, ReadOnly),
        new("walk: a page that was only read is not writable", Needs.Rig | Needs.RealKernel, OnlyRead),
        new("walk: code is executable and not writable", Needs.Rig | Needs.RealKernel, Code),
        new("walk: a huge page is one leaf of 2 MiB", Needs.Rig | Needs.RealKernel | Needs.Contiguous | Needs.Frames, HugePage),
        new("walk: a PROT_NONE page is not found", Needs.Rig | Needs.RealKernel, NoAccess),
    ];

    private static HypercallResult Walk(ScenarioContext context, ulong address) => context.Rig.Get("walk").Call(address);

    private static void Frames(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(33 * GuestPage.Size);
        Check.That(buffer.TryQueryPages(out GuestPageMap? map, out _));
        for (int page = 0; page < 33; page++)
        {
            ulong offset = (ulong)context.Random.Next(GuestPage.Size);
            HypercallResult result = Walk(context, buffer.Address.Value + ((ulong)page * GuestPage.Size) + offset);
            Check.Equal(1ul, result.Rax);
            Check.Equal(map.Pages.Span[page].Frame.Address.Value + offset, result.Rbx);
            Check.Equal(Present | Writable | User | NoExecute, result.Rcx);
            Check.Equal((ulong)GuestPage.Size, result.Rdx);
            Check.Equal(0ul, result.Rsi);
        }
    }

    private static void NotFound(HypercallResult result)
    {
        Check.Equal(0ul, result.Rax);
        Check.Equal(0ul, result.Rcx & Present);
        Check.Equal(User, result.Rsi & 7); // #PF error code: Intel SDM vol. 3A, section 4.7; by a user, not a write, page not present
    }

    private static void Absent(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Touched);
        context.Machine.MigratePage(buffer, 0);
        NotFound(Walk(context, buffer.Address.Value));
    }

    private static void Swapped(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Touched);
        context.Machine.SwapOut(buffer, 0);
        NotFound(Walk(context, buffer.Address.Value));
        buffer.Touch();
        Check.Equal(1ul, Walk(context, buffer.Address.Value).Rax);
    }

    private static void NothingNowhere(ScenarioContext context)
    {
        foreach (ulong address in Nowhere.VirtualAddresses)
        {
            Check.Equal(0ul, Walk(context, address).Rax, $"0x{address:x}");
        }
    }

    private static void ReadOnly(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Touched);
        context.Machine.Protect(buffer, 0, readOnly: true);
        HypercallResult result = Walk(context, buffer.Address.Value);
        context.Machine.Protect(buffer, 0, readOnly: false);
        Check.Equal((1ul, Present | User | NoExecute), (result.Rax, result.Rcx));
    }

    private static void OnlyRead(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(GuestPage.Size, Residency.Touched);
        context.Machine.MigratePage(buffer, 0);
        Check.Equal(0, System.Runtime.InteropServices.Marshal.ReadByte((nint)buffer.Address.Value));
        HypercallResult result = Walk(context, buffer.Address.Value);
        Check.Equal((1ul, Present | User | NoExecute), (result.Rax, result.Rcx));
    }

    private static unsafe void Code(ScenarioContext context)
    {
        delegate*<ScenarioContext, void> here = &Code;
        HypercallResult result = Walk(context, (ulong)here);
        Check.Equal((1ul, 0ul), (result.Rax, result.Rcx & (Writable | NoExecute)));
        Check.Equal(Present | User, result.Rcx & (Present | User));
    }

    private static void HugePage(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(2 << 20, Residency.Pinned, Contiguity.Contiguous);
        Check.That(buffer.TryQueryPages(out GuestPageMap? map, out _));
        HypercallResult result = Walk(context, buffer.Address.Value + 0x12_3456);
        Check.Equal((1ul, map.Pages.Span[0].Frame.Address.Value + 0x12_3456), (result.Rax, result.Rbx));
        Check.That(result.Rdx is GuestPage.Size or 2 << 20, $"a leaf of {result.Rdx} bytes");
        context.Note($"a leaf of {result.Rdx} bytes");
    }

    private static void NoAccess(ScenarioContext context)
    {
        nint start = Libc.Map(0, GuestPage.Size, Libc.ProtReadWrite, Libc.MapPrivate | Libc.MapAnonymous, -1, 0);
        System.Runtime.InteropServices.Marshal.WriteByte(start, 1);
        Check.Equal(1ul, Walk(context, (ulong)start).Rax);
        _ = Libc.Protect(start, GuestPage.Size, Libc.ProtNone);
        HypercallResult result = Walk(context, (ulong)start);
        _ = Libc.Unmap(start, GuestPage.Size);
        NotFound(result);
    }
}
