using System.Collections.Immutable;

namespace Hypercall.Testing.Tests;

internal abstract class PagesOperation : FakeMachineOperation<PagesProgram, PagesModel>
{
    protected abstract void Do(FakeMachine vmm, PagesProgram program, PagesModel model);

    protected sealed override void Act(FakeMachine vmm, PagesProgram program, PagesModel model)
    {
        Do(vmm, program, model);
        program.Compare(model);
    }
}

internal sealed class Allocate(int pages, Residency residency, Contiguity contiguity) : PagesOperation
{
    public override PagesModel Run(PagesModel model)
    {
        bool fits = residency == Residency.Touched || model.LockedBytes + ((long)pages * GuestPage.Size) <= model.LockLimit;
        return model with
        {
            Regions = model.Regions.Add(!fits ? PagesModel.Region.Refused : new PagesModel.Region(
                true,
                residency != Residency.Touched,
                [.. Enumerable.Repeat(new PagesModel.Page(0, IsOut: false, IsMapped: true), pages)],
                residency == Residency.Touched ? [] : [new PagesModel.Hold(0, pages, residency, IsGone: false)])),
        };
    }

    public override string ToString() => $"allocate {pages} pages, {residency}, {contiguity}";

    protected override void Do(FakeMachine vmm, PagesProgram program, PagesModel model)
    {
        GuestBufferOptions options = new() { Residency = residency, Contiguity = contiguity };
        program.Buffers.Add(vmm.Memory.TryAllocate((long)pages * GuestPage.Size, options, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal) ? buffer : null);
        Assert.True(refusal is null or { Reason: GuestMemoryRefusalReason.LockLimit });
    }
}

internal sealed class Fill(int region, int page, byte fill) : PagesOperation
{
    public override bool Pre(PagesModel model) => model.Alive.Contains(region) && page < model.Regions[region].Pages.Count;

    public override PagesModel Run(PagesModel model) => model.With(region, one => one.Touch(page, 1).With(page, any => any with { Fill = fill }));

    public override string ToString() => $"fill page {page} of region {region} with {fill}";

    protected override void Do(FakeMachine vmm, PagesProgram program, PagesModel model) =>
        program.Buffers[region]!.AsMemory(page * GuestPage.Size, GuestPage.Size).Span.Fill(fill);
}

internal sealed class Touch(int region) : PagesOperation
{
    public override bool Pre(PagesModel model) => model.Alive.Contains(region);

    public override PagesModel Run(PagesModel model) => model.With(region, one => one.Touch(0, one.Pages.Count));

    public override string ToString() => $"touch region {region}";

    protected override void Do(FakeMachine vmm, PagesProgram program, PagesModel model) => program.Buffers[region]!.Touch();
}

/// <summary>
/// Swapping out, moving, unmapping and forking: what the kernel may do to a page, and refuses to do to one that is held.
/// </summary>
internal sealed class Befall(int region, int page, FakeFaultKind kind) : PagesOperation
{
    public override bool Pre(PagesModel model) => model.Alive.Contains(region) && page < model.Regions[region].Pages.Count;

    public override PagesModel Run(PagesModel model)
    {
        bool isOut = model.Regions[region].Pages[page].IsOut;
        return IsForbidden(model) ? model : kind switch
        {
            FakeFaultKind.SwapOut => model.With(region, one => one.With(page, any => any with { IsOut = true })),
            FakeFaultKind.DropMapping when !isOut => model.With(region, one => one.With(page, any => any with { IsMapped = false })),

            // The entry that a migration leaves is a plain one: Linux, mm/migrate.c, remove_migration_pte.
            FakeFaultKind.PageMigration when !isOut => model.With(region, one => one.With(page, any => any with { IsMapped = true })),
            _ => model,
        };
    }

    public override string ToString() => $"{kind} of page {page} of region {region}";

    protected override void Do(FakeMachine vmm, PagesProgram program, PagesModel model)
    {
        Action<GuestBuffer, int> befall = kind switch
        {
            FakeFaultKind.SwapOut => vmm.Memory.SwapOut,
            FakeFaultKind.PageMigration => vmm.Memory.MigratePage,
            FakeFaultKind.DropMapping => vmm.Memory.DropMapping,
            _ => vmm.Memory.WriteProtect,
        };
        if (IsForbidden(model))
        {
            _ = Assert.Throws<InvalidOperationException>(() => befall(program.Buffers[region]!, page));
        }
        else
        {
            befall(program.Buffers[region]!, page);
        }
    }

    private bool IsForbidden(PagesModel model) => model.Regions[region].HeldBy(page) >= (kind == FakeFaultKind.SwapOut ? Residency.Locked : Residency.Pinned);
}

/// <summary>Opens a window onto some pages, which holds them as long as it is open.</summary>
internal sealed class Open(int region, int first, int count, Residency residency) : PagesOperation
{
    public override bool Pre(PagesModel model) => model.Alive.Contains(region) && first + count <= model.Regions[region].Pages.Count;

    public override PagesModel Run(PagesModel model)
    {
        bool fits = residency == Residency.Touched || model.Fits(region, first, count);
        return model.With(region, one => one.Touch(first, count) with { Holds = one.Holds.Add(new PagesModel.Hold(first, count, residency, IsGone: !fits)) });
    }

    public override string ToString() => $"open a window onto pages {first} to {first + count - 1} of region {region}, {residency}";

    protected override void Do(FakeMachine vmm, PagesProgram program, PagesModel model)
    {
        GuestVirtualAddress start = program.Buffers[region]!.Address + (first * GuestPage.Size);
        if (vmm.Memory.TryOpenWindow(start, (long)count * GuestPage.Size, new GuestBufferOptions { Residency = residency }, out GuestBuffer? window, out GuestMemoryRefusal? refusal))
        {
            program.Windows.Add((region, model.Regions[region].Holds.Count - 1), window);
        }

        Assert.True(refusal is null or { Reason: GuestMemoryRefusalReason.LockLimit });
    }
}

internal sealed class Close(int region, int hold) : PagesOperation
{
    // A hold that came with the buffer is no window.
    public override bool Pre(PagesModel model) => model.Alive.Contains(region) && hold < model.Regions[region].Holds.Count
        && !model.Regions[region].Holds[hold].IsGone && !(hold == 0 && model.Regions[region].IsOwnHeld);

    public override PagesModel Run(PagesModel model) =>
        model.With(region, one => one with { Holds = one.Holds.SetItem(hold, one.Holds[hold] with { IsGone = true }) });

    public override string ToString() => $"close window {hold} onto region {region}";

    protected override void Do(FakeMachine vmm, PagesProgram program, PagesModel model)
    {
        Assert.True(program.Windows.Remove((region, hold), out GuestBuffer? window));
        window.Dispose();
    }
}

internal sealed class Free(int region) : PagesOperation
{
    public override bool Pre(PagesModel model) => model.Alive.Contains(region)
        && model.Regions[region].Holds.Skip(model.Regions[region].IsOwnHeld ? 1 : 0).All(hold => hold.IsGone);

    public override PagesModel Run(PagesModel model) => model.With(region, _ => PagesModel.Region.Refused);

    public override string ToString() => $"free region {region}";

    protected override void Do(FakeMachine vmm, PagesProgram program, PagesModel model) => program.Buffers[region]!.Dispose();
}
