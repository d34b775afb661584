using System.Globalization;

namespace Hypercall.Testing;

/// <summary>
/// A function of the fake VMM, for each way of being handed memory, that keeps what it took and gave: so that a program which
/// says "success" can be held to it.
/// </summary>
/// <remarks>
/// <code>
///   FakeExchange exchange = FakeExchange.AddTo(vmm, "upper", (call, bytes) => ...);
///
///   byte[] before = buffer.Span.ToArray();
///   new BitVisorClient(vmm).GetFunction(exchange.NameOf(FakeTechnique.FrameList)).Transfer(buffer, Passing.FrameList,
///   Direction.Both, FakeHandlers.Rule, FakeExchange.Options());
///   exchange.Claim(before, buffer.Span);            // the program says: all of it arrived, and this came back
/// </code>
/// <para>
/// A function is called by a name, or by a convention and a number.
/// </para>
/// <para>
/// A program may try again after a failure, all of the data or the rest of it. So a claim holds when some of the calls since the
/// last one, in their order, make up the data: calls of attempts that failed may be left out. A claim that holds forgets them
/// all. One exchange serves one thread of the program: what two threads send at the same time is one sequence of calls.
/// </para>
/// </remarks>
public sealed class FakeExchange
{
    private readonly FakeMachine _vmm;
    private readonly FakeTransform _transform;
    private readonly Direction _direction;
    private readonly AbsentPagePolicy _absentPages;
    private readonly TransferLayout? _layout;
    private readonly ulong? _first;
    private readonly Lock _gate = new();
    private readonly List<FakePieceRecord> _calls = [];

    private const ulong FunctionCount = 4;

    private FakeExchange(
        FakeMachine vmm,
        string name,
        FakeTransform? transform,
        Direction direction,
        AbsentPagePolicy absentPages,
        TransferLayout? layout = null,
        ulong? first = null)
    {
        _vmm = vmm;
        Name = name;
        _transform = transform ?? new FakeCipher().Apply;
        _layout = layout;
        _first = first;
        _direction = direction;
        _absentPages = absentPages;
    }

    /// <summary>
    /// What the names of its functions begin with; the convention and the first number, where they are called by number.
    /// </summary>
    public string Name { get; }

    /// <summary>What the VMM received since the last claim that held or <see cref="Reset"/>, in order; a copy.</summary>
    public ReadOnlyMemory<byte> Received => Join(received: true);

    /// <summary>What the VMM wrote since the last claim that held or <see cref="Reset"/>, in order; a copy.</summary>
    public ReadOnlyMemory<byte> Sent => Join(received: false);

    /// <summary>
    /// Registers <c>NAME_gva</c> (by virtual address), <c>NAME_gvab</c> (the same, byte by byte), <c>NAME_gpa</c> (by physical
    /// address) and <c>NAME_list</c> (by frame list). They answer as <see cref="FakeAnswer.Status"/> says. RDX chooses the
    /// direction of a call: 1 to the VMM, 2 from it, 3 both (the values of <see cref="Direction"/>), and 0 the default.
    /// </summary>
    /// <param name="vmm">The VMM.</param>
    /// <param name="name">What the names begin with: 1 to 250 bytes of UTF-8 without NUL.</param>
    /// <param name="transform">What the function does with the bytes; null: gives back each time what no program can guess, and
    /// no byte as it was.</param>
    /// <param name="direction">Which way the data goes where a call does not say.</param>
    /// <param name="absentPages">What the VMM does, by virtual address, at a page that is absent or not writable.</param>
    /// <exception cref="ArgumentException">The name is none.</exception>
    public static FakeExchange AddTo(
        FakeMachine vmm,
        string name,
        FakeTransform? transform = null,
        Direction direction = Direction.Both,
        AbsentPagePolicy absentPages = AbsentPagePolicy.Stop)
    {
        ArgumentNullException.ThrowIfNull(vmm);
        ArgumentException.ThrowIfNullOrEmpty(name);
        FakeExchange exchange = new(vmm, name, transform, direction, absentPages);
        foreach ((string suffix, Work work) in exchange.Functions)
        {
            _ = vmm.On(name + suffix, call => exchange.Run(call, work));
        }

        return exchange;
    }

    /// <summary>
    /// Registers four functions that are called by number: <paramref name="first"/> (by virtual address), the next (the same,
    /// byte by byte), the third (by physical address) and the fourth (by frame list). They answer as
    /// <see cref="FakeAnswer.Status"/> says. The first argument that the layout leaves to the function chooses the direction of
    /// a call: 1 to the VMM, 2 from it, 3 both (the values of <see cref="Direction"/>), and 0 the default.
    /// </summary>
    /// <param name="vmm">The VMM.</param>
    /// <param name="convention">The convention.</param>
    /// <param name="first">The number of the first; all four fit the convention's field.</param>
    /// <param name="layout">Which arguments hold memory; null for the convention's own layout.</param>
    /// <param name="transform">What the function does with the bytes; null: gives back each time what no program can guess, and
    /// no byte as it was.</param>
    /// <param name="direction">Which way the data goes where a call does not say.</param>
    /// <param name="absentPages">What the VMM does, by virtual address, at a page that is absent or not writable.</param>
    /// <exception cref="ArgumentException">The convention has no layout, and none was given; or it does not fit the
    /// convention.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number does not fit the convention's field.</exception>
    public static FakeExchange AddByNumber(
        FakeMachine vmm,
        HypercallConvention convention,
        ulong first,
        TransferLayout? layout = null,
        FakeTransform? transform = null,
        Direction direction = Direction.Both,
        AbsentPagePolicy absentPages = AbsentPagePolicy.Stop)
    {
        ArgumentNullException.ThrowIfNull(vmm);
        ArgumentNullException.ThrowIfNull(convention);
        layout ??= convention.Layout ?? throw new ArgumentException(
            $"Which arguments hold memory is not known: the convention '{convention}' says nothing of it. Give a layout.",
            nameof(layout));
        layout.ThrowIfUnfit(convention);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, ulong.MaxValue - FunctionCount + 1);
        string name = string.Create(CultureInfo.InvariantCulture, $"{convention} {first}");
        FakeExchange exchange = new(vmm, name, transform, direction, absentPages, layout, first);
        ulong number = first;
        foreach ((_, Work work) in exchange.Functions)
        {
            _ = vmm.On(convention, number++, call => exchange.Run(call, work));
        }

        return exchange;
    }

    // The order is that of the numbers.
    private IEnumerable<(string Suffix, Work Work)> Functions =>
    [
        ("_gva", work => work.ByVirtualAddress(_absentPages, byteWise: false)),
        ("_gvab", work => work.ByVirtualAddress(_absentPages, byteWise: true)),
        ("_gpa", static work => work.ByPhysicalAddress()),
        ("_list", static work => work.ByFrameList()),
    ];

    /// <summary>The name of the function for a technique.</summary>
    /// <param name="technique">The technique.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    /// <exception cref="InvalidOperationException">Its functions are called by number: see <see cref="NumberOf"/>.</exception>
    public string NameOf(FakeTechnique technique)
    {
        int index = IndexOf(technique);
        return _first is null
            ? Name + Functions.ElementAt(index).Suffix
            : throw new InvalidOperationException($"The functions of '{Name}' have no names: they are called by number.");
    }

    /// <summary>The number of the function for a technique.</summary>
    /// <param name="technique">The technique.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    /// <exception cref="InvalidOperationException">Its functions are called by name: see <see cref="NameOf"/>.</exception>
    public ulong NumberOf(FakeTechnique technique)
    {
        int index = IndexOf(technique);
        return _first + (ulong)index
            ?? throw new InvalidOperationException($"The functions of '{Name}' are called by name: the VMM chooses the numbers.");
    }

    /// <summary>
    /// What a transfer to it needs beside the rule that reads its answer, <see cref="FakeHandlers.Rule"/>: the direction, as its
    /// first word of its own.
    /// </summary>
    /// <param name="direction">Which way the data goes.</param>
    public static TransferOptions Options(Direction direction = Direction.Both) => new() { Words = [(ulong)direction] };

    /// <summary>The program says: all these bytes arrived. If they did not, the run ends.</summary>
    /// <param name="before">The data as it was before the program handed it over; not looked at for
    /// <see cref="Direction.FromVmm"/>.</param>
    /// <param name="after">The data as it is now; not looked at for <see cref="Direction.ToVmm"/>.</param>
    /// <param name="direction">Which way it went.</param>
    /// <exception cref="FakeMachineException"><see cref="FakeOracle.DataLost"/>: they did not arrive.</exception>
    public void Claim(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, Direction direction = Direction.Both)
    {
        lock (_gate)
        {
            string? lost = direction.HasFlag(Direction.ToVmm) ? FakeClaim.Check(before, [.. _calls.Select(call => call.Received)], "the VMM received", "that it sent") : null;
            lost ??= direction.HasFlag(Direction.FromVmm) ? FakeClaim.Check(after, [.. _calls.Select(call => call.Sent)], "the VMM wrote", "that it took") : null;
            if (lost is null)
            {
                _calls.Clear();
                return;
            }

            _vmm.ReportDataLost($"The program reported success, and data did not arrive: {lost}");
        }
    }

    /// <summary>
    /// Forgets what was received and written: before a transfer that has nothing to do with earlier ones. Another attempt at the
    /// same data needs none.
    /// </summary>
    public void Reset()
    {
        lock (_gate)
        {
            _calls.Clear();
        }
    }

    private static int IndexOf(FakeTechnique technique) => technique switch
    {
        FakeTechnique.Virtual => 0,
        FakeTechnique.Contiguous or FakeTechnique.PageByPage => 2,
        FakeTechnique.FrameList => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(technique), technique, "This is no way of handing a buffer over."),
    };

    private Direction DirectionOf(FakeCall call)
    {
        int? own = (_layout ?? TransferLayout.AddressAndLength).FirstOwn(call.Convention);
        ulong word = own is { } argument ? call.Argument(argument) : 0;
        return word is >= 1 and <= (ulong)Direction.Both ? (Direction)word : _direction;
    }

    private void Run(FakeCall call, Work work)
    {
        FakePieceRecord record = new();
        long done = work(new FakeTransferWork(call, _transform, DirectionOf(call), record, _layout));
        FakeHandlers.Answer(call, FakeAnswer.Status, done);
        if (done > 0)
        {
            lock (_gate)
            {
                _calls.Add(record);
            }
        }
    }

    private ReadOnlyMemory<byte> Join(bool received)
    {
        lock (_gate)
        {
            return _calls.SelectMany(call => (received ? call.Received : call.Sent).ToArray()).ToArray();
        }
    }

    private delegate long Work(FakeTransferWork work);
}
