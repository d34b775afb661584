namespace Hypercall.Testing;

/// <summary>
/// Ready functions of a fake VMM, one for each way of being handed memory: <c>vmm.On("foo", FakeHandlers.ByVirtualAddress((call,
/// bytes) => ...))</c>. A function that is handed words needs none of these: it is
/// <see cref="FakeMachine.On(string, Action{FakeCall})"/> itself.
/// </summary>
/// <remarks>
/// <para>
/// Each does what a VMM would, a page at a time with one page of its own, and answers as <see cref="FakeAnswer"/> says. So a
/// refusal, which leaves RAX as it went in, and a VMM that does not know the number, which writes RAX = 0 and nothing else, can
/// be told from an answer:
/// </para>
/// <code>
///   RAX = 0,  RCX = n, RDX = ~n   n bytes are done, all or part: the VMM stopped at a page or frame that was not there
///   RAX = -1                      arguments that no program may give: a range beyond the address space, a list that is none
///   RAX = 1..127 (its number)     refused
///   RAX = 0,  RDX not ~RCX        no such function
/// </code>
/// </remarks>
public static class FakeHandlers
{
    /// <summary>Reads what the handlers leave in registers, for a transfer to them.</summary>
    public static TransferRule Rule { get; } = TransferRule.Create("the answer of a ready function of the fake", Read);

    /// <summary>
    /// A function that is handed memory by guest virtual address: RBX, and RCX bytes, or as the layout says. Works with
    /// <see cref="Passing.Virtual"/>.
    /// </summary>
    /// <remarks>
    /// With <see cref="AbsentPagePolicy.InjectPageFault"/> it looks at all pages first, injects #PF for the first one that is not
    /// as it should be, and touches no data before all of them are: the instruction runs again from its start, and no byte may be
    /// transformed twice. A page that goes between the look and the work, which takes a second virtual CPU, makes it stop part
    /// way.
    /// </remarks>
    /// <param name="transform">What it does with the bytes.</param>
    /// <param name="direction">Whether it reads them, writes them, or both.</param>
    /// <param name="absentPages">What it does at a page that is absent or not writable.</param>
    /// <param name="byteWise">Whether it walks the guest's page table for every byte, as a simple VMM does. It is slow.</param>
    /// <param name="answer">How it answers.</param>
    /// <param name="layout">Which arguments hold memory; null for what the call's convention says. Where none holds the length,
    /// it takes the rest of the page.</param>
    public static Action<FakeCall> ByVirtualAddress(
        FakeTransform transform,
        Direction direction = Direction.Both,
        AbsentPagePolicy absentPages = AbsentPagePolicy.Stop,
        bool byteWise = false,
        FakeAnswer answer = FakeAnswer.Status,
        TransferLayout? layout = null)
    {
        Check(transform, direction, answer);
        if (!Enum.IsDefined(absentPages))
        {
            throw new ArgumentOutOfRangeException(nameof(absentPages), absentPages, "This is no policy for absent pages.");
        }

        return call => Answer(
            call, answer, new FakeTransferWork(call, transform, direction, null, layout).ByVirtualAddress(absentPages, byteWise));
    }

    /// <summary>
    /// A function that is handed memory by guest physical address: RBX, and RCX bytes in frames that follow each other, or as the
    /// layout says. Works with
    /// <see cref="Passing.Contiguous"/> and <see cref="Passing.PageByPage"/>.
    /// </summary>
    /// <param name="transform">What it does with the bytes.</param>
    /// <param name="direction">Whether it reads them, writes them, or both.</param>
    /// <param name="answer">How it answers.</param>
    /// <param name="layout">Which arguments hold memory; null for what the call's convention says. Where none holds the length,
    /// it takes the rest of the page.</param>
    public static Action<FakeCall> ByPhysicalAddress(
        FakeTransform transform,
        Direction direction = Direction.Both,
        FakeAnswer answer = FakeAnswer.Status,
        TransferLayout? layout = null)
    {
        Check(transform, direction, answer);
        return call => Answer(call, answer, new FakeTransferWork(call, transform, direction, null, layout).ByPhysicalAddress());
    }

    /// <summary>
    /// A function that is handed memory by a list of frames, laid out as Hyper-V's GPA_RANGE, that lies in one page: RBX is the
    /// list's guest physical address, RCX its length in bytes, or as the layout says. Works with <see cref="Passing.FrameList"/>.
    /// A layout with <see cref="DescriptorFormat.Extents"/> as its <see cref="TransferLayout.Descriptor"/> makes it read those
    /// instead, of the program's <see cref="Passing.ListOf"/> or of a layout of the program's that is the same; an argument must
    /// hold their length. No other format is read.
    /// </summary>
    /// <param name="transform">What it does with the bytes.</param>
    /// <param name="direction">Whether it reads them, writes them, or both.</param>
    /// <param name="answer">How it answers.</param>
    /// <param name="layout">Which arguments hold memory; null for what the call's convention says. Where none holds the length,
    /// it takes the rest of the page.</param>
    public static Action<FakeCall> ByFrameList(
        FakeTransform transform,
        Direction direction = Direction.Both,
        FakeAnswer answer = FakeAnswer.Status,
        TransferLayout? layout = null)
    {
        Check(transform, direction, answer);
        return call => Answer(call, answer, new FakeTransferWork(call, transform, direction, null, layout).ByFrameList());
    }

    /// <summary>
    /// A function that takes a list of frames where address and length look like one, and otherwise a physical address. Works
    /// with <see cref="Passing.Auto"/>; data that looks like a list by chance (at the start of a page, and beginning with a
    /// fitting header) is taken for one.
    /// </summary>
    /// <param name="transform">What it does with the bytes.</param>
    /// <param name="direction">Whether it reads them, writes them, or both.</param>
    /// <param name="answer">How it answers.</param>
    /// <param name="layout">Which arguments hold memory; null for what the call's convention says. Where none holds the length,
    /// it takes the rest of the page.</param>
    public static Action<FakeCall> ByEither(
        FakeTransform transform,
        Direction direction = Direction.Both,
        FakeAnswer answer = FakeAnswer.Status,
        TransferLayout? layout = null)
    {
        Check(transform, direction, answer);
        return call => Answer(call, answer, new FakeTransferWork(call, transform, direction, null, layout).ByEither());
    }

    /// <summary>Makes ASCII letters large, and leaves all other bytes: a ready thing for a function to do with bytes.</summary>
    /// <param name="call">Not looked at.</param>
    /// <param name="bytes">The bytes.</param>
    public static void ToUpper(FakeCall call, Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
        {
            b = b is >= (byte)'a' and <= (byte)'z' ? (byte)(b - 0x20) : b;
        }
    }

    internal static void Answer(FakeCall call, FakeAnswer answer, long done)
    {
        if (done == FakeTransferWork.Injected)
        {
            return; // the instruction runs again, and nobody sees these registers
        }

        if (answer == FakeAnswer.BytesInRax)
        {
            call.Rax = (ulong)Math.Max(done, 0);
        }
        else if (done == FakeTransferWork.Malformed)
        {
            call.Rax = ulong.MaxValue;
        }
        else
        {
            call.Rax = 0;
            call.Rcx = (ulong)done;
            call.Rdx = ~(ulong)done;
        }
    }

    private static TransferAnswer Read(in HypercallRegisters registers, long length) => registers.Rax switch
    {
        0 when registers.Rdx != ~registers.Rcx => TransferAnswer.Failed(
            "RAX is 0, and RDX is not RCX turned over: the VMM does not know the number of this function (any more), and wrote nothing else."),
        0 when registers.Rcx > (ulong)length => TransferAnswer.Failed($"it says that {registers.Rcx} bytes are done of the {length} that it was given."),
        0 => TransferAnswer.Done((long)registers.Rcx),
        ulong.MaxValue => TransferAnswer.Failed(
            "RAX is -1: the function takes the arguments for malformed (a frame list that is none, or a range beyond the address space); or a VMM of another ABI answered, as KVM does."),
        <= FakeFunctions.MaxNumber => TransferAnswer.Failed($"RAX is {registers.Rax}, as it went in: the function refused, and did nothing."),
        _ => TransferAnswer.Failed($"RAX is 0x{registers.Rax:x}, which is no answer of this function: did another VMM answer, in its own ABI?"),
    };

    private static void Check(FakeTransform transform, Direction direction, FakeAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(transform);
        if (!Enum.IsDefined(direction))
        {
            throw new ArgumentOutOfRangeException(nameof(direction), direction, "Data goes to the VMM, from it, or both.");
        }

        if (!Enum.IsDefined(answer))
        {
            throw new ArgumentOutOfRangeException(nameof(answer), answer, "This is no way to answer.");
        }
    }
}
