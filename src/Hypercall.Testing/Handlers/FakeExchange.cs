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
    private readonly Lock _gate = new();
    private readonly List<FakePieceRecord> _calls = [];

    private FakeExchange(FakeMachine vmm, string name, FakeTransform transform, Direction direction, AbsentPagePolicy absentPages)
    {
        _vmm = vmm;
        Name = name;
        _transform = transform;
        _direction = direction;
        _absentPages = absentPages;
    }

    /// <summary>What the names of its functions begin with.</summary>
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
        FakeExchange exchange = new(vmm, name, transform ?? new FakeCipher().Apply, direction, absentPages);
        _ = vmm.On($"{name}_gva", call => exchange.Run(call, work => work.ByVirtualAddress(exchange._absentPages, byteWise: false)))
            .On($"{name}_gvab", call => exchange.Run(call, work => work.ByVirtualAddress(exchange._absentPages, byteWise: true)))
            .On($"{name}_gpa", call => exchange.Run(call, work => work.ByPhysicalAddress()))
            .On($"{name}_list", call => exchange.Run(call, work => work.ByFrameList()));
        return exchange;
    }

    /// <summary>The name of the function for a technique.</summary>
    /// <param name="technique">The technique.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public string NameOf(FakeTechnique technique) => technique switch
    {
        FakeTechnique.Virtual => $"{Name}_gva",
        FakeTechnique.Contiguous or FakeTechnique.PageByPage => $"{Name}_gpa",
        FakeTechnique.FrameList => $"{Name}_list",
        _ => throw new ArgumentOutOfRangeException(nameof(technique), technique, "This is no way of handing a buffer over."),
    };

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

    private Direction DirectionOf(FakeCall call) => call.Rdx is >= 1 and <= (ulong)Direction.Both ? (Direction)call.Rdx : _direction;

    private void Run(FakeCall call, Work work)
    {
        FakePieceRecord record = new();
        long done = work(new FakeTransferWork(call, _transform, DirectionOf(call), record, layout: null));
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
