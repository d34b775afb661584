namespace Hypercall.Conformance.Scenarios;

/// <summary>
/// Every technique, direction and residency with every layout: what the VMM saw, what it wrote, and what it left alone.
/// </summary>
internal static class TransferScenarios
{
    private const int Page = GuestPage.Size;
    private const int Margin = Page; // bytes around the slice that must stay as they are
    private const long Largest = 1024L * Page;

    private static readonly (int Offset, long Length)[] Small =
    [
        (0, 1), (1, 1), (Page - 1, 1), (Page - 1, 2), (0, 8), (3, 100), (0, Page - 1), (0, Page), (0, Page + 1), (1, Page - 1), (1, Page), (Page - 1, Page + 2),
        (2048, 3 * Page), (123, 40_000),
    ];

    private static readonly (int Offset, long Length)[] Large =
    [
        (0, 510L * Page), (0, 511L * Page), (1, (511L * Page) - 1), (1, 511L * Page), (0, (511L * Page) + 1), (0, 512L * Page), (Page - 1, 512L * Page),
        (0, 1022L * Page), (0, (1022L * Page) + 1), (17, 1000L * Page), (0, Largest),
    ];

    // On a slow machine: a list that is full, one that is more than full, and a second list.
    private static readonly (int Offset, long Length)[] Slow = [(0, 511L * Page), (1, 511L * Page), (0, Largest)];

    private static readonly Direction[] Directions = [Direction.ToVmm, Direction.FromVmm, Direction.Both];

    public static IEnumerable<Scenario> All { get; } = [.. Make()];

    private static IEnumerable<Scenario> Make()
    {
        foreach ((Passing passing, string technique) in ((Passing, string)[])[
            (Passing.Virtual, "by virtual address"), (Passing.PageByPage, "page by page"), (Passing.FrameList, "by frame list"), (Passing.Contiguous, "contiguous")])
        {
            foreach (Direction direction in Directions)
            {
                foreach (Residency residency in Enum.GetValues<Residency>())
                {
                    if (passing != Passing.Virtual && (residency == Residency.Touched || (residency == Residency.Locked && direction != Direction.ToVmm)))
                    {
                        continue; // refused: ResidencyScenarios
                    }

                    Needs needs = Needs.Rig | (passing == Passing.Virtual ? Needs.None : Needs.Frames) | (residency == Residency.Pinned ? Needs.Pinning : Needs.None);
                    string how = $"{technique}, {Tell(direction)}, {residency.ToString().ToLowerInvariant()} memory";
                    bool contiguous = passing == Passing.Contiguous;
                    yield return new($"transfer: {how}, small layouts", needs | (contiguous ? Needs.Contiguous : Needs.None), context =>
                        Run(context, passing, RigClient.FunctionFor(passing), direction, residency, Small));
                    yield return new($"transfer: {how}, up to 1,024 pages", needs | (contiguous ? Needs.Contiguous : Needs.None), context =>
                        Run(context, passing, RigClient.FunctionFor(passing), direction, residency, contiguous ? [.. Large.Where(Fits)] : Large));
                }
            }
        }

        foreach (Direction direction in Directions)
        {
            yield return new($"transfer: by virtual address and byte by byte, {Tell(direction)}, small layouts", Needs.Rig | Needs.Pinning, context =>
                Run(context, Passing.Virtual, RigClient.ByVirtualAddressBytewise, direction, Residency.Pinned, Small));
        }

        yield return new("transfer: a stream goes on over calls, techniques and directions", Needs.Rig | Needs.Frames | Needs.Pinning, StreamGoesOn);
        yield return new("transfer: streams do not disturb each other", Needs.Rig, StreamsAreApart);
        yield return new("transfer: a window onto an array of the program", Needs.Rig | Needs.Frames | Needs.Pinning, Window);
        yield return new("transfer: random slices by every technique", Needs.Rig | Needs.Frames | Needs.Pinning, RandomSlices);
        yield return new("transfer: the technique that Auto chooses fits the memory", Needs.Rig | Needs.Frames | Needs.Pinning, Auto);
    }

    // One huge page is what a kernel gives in one piece without being asked long before.
    private static bool Fits((int Offset, long Length) layout) => layout.Offset + layout.Length + Margin <= 512L * Page;

    private static string Tell(Direction direction) => direction switch
    {
        Direction.ToVmm => "to the VMM",
        Direction.FromVmm => "from the VMM",
        _ => "both ways",
    };

    private static void Run(
        ScenarioContext context, Passing passing, string function, Direction direction, Residency residency, (int Offset, long Length)[] layouts)
    {
        Contiguity contiguity = passing == Passing.Contiguous ? Contiguity.Contiguous : Contiguity.Any;
        layouts = context.IsSlow && layouts.Length == Large.Length ? Slow : layouts;
        long length = layouts.Max(layout => layout.Offset + layout.Length) + (2 * Margin);
        if (passing == Passing.Contiguous)
        {
            length = Math.Min(length, 512L * Page);
        }

        using GuestBuffer buffer = context.Fill(length, residency, contiguity);
        for (int i = 0; i < layouts.Length; i++)
        {
            (int offset, long bytes) = layouts[i];
            int start = passing == Passing.Contiguous && offset + bytes + (2 * Margin) > length ? offset : offset + Margin;
            CheckTransfer(context, function, buffer.Slice(start, bytes), passing, direction, key: (byte)(0x5A + i), stream: i % 16);
        }
    }

    /// <summary>Hands a slice over and compares everything with what the arithmetic says.</summary>
    private static void CheckTransfer(ScenarioContext context, string function, GuestSlice slice, Passing passing, Direction direction, byte key, int stream)
    {
        string what = $"{slice.Length} bytes at offset {slice.Address.PageOffset} of a page";
        context.Rig.Reset(stream);
        byte[] expected = slice.Buffer.Span.ToArray();
        RigStream model = RigStream.Empty;
        model.Handle(expected.AsSpan((int)slice.Offset, (int)slice.Length), direction, key);

        TransferResult result = context.Rig.Get(function).TryTransfer(slice, passing, direction, RigClient.Rule, RigClient.Options(direction, key, stream));

        Check.Equal(TransferOutcome.Completed, result.Outcome, $"{what}: {result.Message}");
        Check.Equal(slice.Length, result.BytesDone, what);
        Check.Equal(CallsFor(passing, slice), result.Calls, what);
        Check.Equal(model, context.Rig.Read(stream), $"{what}: what the VMM saw");
        Check.Bytes(expected, slice.Buffer.Span, $"{what}: the buffer afterwards");
    }

    private static long CallsFor(Passing passing, GuestSlice slice)
    {
        long pages = GuestPage.Count(slice.Address, slice.Length);
        return passing == Passing.PageByPage ? pages : passing == Passing.FrameList ? (pages + 510) / 511 : 1;
    }

    private static void StreamGoesOn(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(5 * Page);
        context.Rig.Reset(3);
        RigStream model = RigStream.Empty;
        byte[] expected = buffer.Span.ToArray();
        foreach (Passing passing in (Passing[])[Passing.FrameList, Passing.Virtual, Passing.PageByPage])
        {
            foreach (Direction direction in Directions)
            {
                model.Handle(expected.AsSpan(100, 9000), direction, 0x77);
                _ = context.Rig.Get(RigClient.FunctionFor(passing)).Transfer(buffer.Slice(100, 9000), passing, direction, RigClient.Rule, RigClient.Options(direction, 0x77, 3));
                Check.Equal(model, context.Rig.Read(3), $"{passing}, {direction}");
                Check.Bytes(expected, buffer.Span, $"{passing}, {direction}");
            }
        }
    }

    private static void StreamsAreApart(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(16 * 64);
        for (int stream = 0; stream < 16; stream++)
        {
            context.Rig.Reset(stream);
        }

        for (int stream = 0; stream < 16; stream++)
        {
            Check.Equal(64ul, context.Rig.Hand(RigClient.ByVirtualAddress, buffer.Address.Value + ((ulong)stream * 64), 64, Direction.ToVmm, stream: stream));
        }

        for (int stream = 0; stream < 16; stream++)
        {
            Check.Equal(RigStream.HashOf(buffer.Span.Slice(stream * 64, 64)), context.Rig.Read(stream).Hash, $"stream {stream}");
        }
    }

    private static void Window(ScenarioContext context)
    {
        byte[] array = GC.AllocateArray<byte>(3 * Page, pinned: true);
        context.Random.NextBytes(array);
        using GuestBuffer window = context.Memory.OpenWindow(array.AsMemory(77, 9999), GuestBufferOptions.Default);
        foreach (Passing passing in (Passing[])[Passing.Virtual, Passing.PageByPage, Passing.FrameList])
        {
            byte[] before = [.. array];
            CheckTransfer(context, RigClient.FunctionFor(passing), window, passing, Direction.Both, 0x3C, 0);
            Check.Bytes(before.AsSpan(0, 77), array.AsSpan(0, 77), "before the window");
            Check.Bytes(before.AsSpan(77 + 9999), array.AsSpan(77 + 9999), "behind the window");
        }
    }

    private static void RandomSlices(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Fill(64 * Page);
        Passing[] techniques = [Passing.Virtual, Passing.PageByPage, Passing.FrameList];
        for (int i = 0; i < context.Repeat(300); i++)
        {
            int offset = context.Random.Next((int)buffer.Length - 1);
            int length = 1 + context.Random.Next(context.Random.Next(3) == 0 ? (int)buffer.Length - offset : Math.Min(2 * Page, (int)buffer.Length - offset));
            Passing passing = techniques[context.Random.Next(techniques.Length)];
            CheckTransfer(
                context, RigClient.FunctionFor(passing), buffer.Slice(offset, length), passing, Directions[context.Random.Next(3)], (byte)context.Random.Next(256), context.Random.Next(16));
        }
    }

    private static void Auto(ScenarioContext context)
    {
        using GuestBuffer one = context.Fill(100);
        CheckTransfer(context, RigClient.ByPhysicalAddress, one, Passing.Auto, Direction.Both, 1, 0);

        // Two pages may be neighbours by chance; 64 are not, on a machine that has run for a while.
        using GuestBuffer many = context.Fill(64 * Page);
        string function = ScenarioContext.FramesOf(many).IsContiguous ? RigClient.ByPhysicalAddress : RigClient.ByList;
        CheckTransfer(context, function, many, Passing.Auto, Direction.Both, 2, 0);
    }
}
