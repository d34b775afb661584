using System.Globalization;

namespace Hypercall;

/// <summary>
/// A function of a VMM: a convention and a number; everything else follows. Safe to call from any number of threads.
/// </summary>
/// <example>
/// <code>
/// HypercallFunction version = new(machine, HypercallConvention.Xen, number: 17);
/// ulong xen = version.Call(0).Value;
/// </code>
/// </example>
public sealed class HypercallFunction
{
    private readonly IHypercallMachine _machine;
    private readonly IHypercallChannel _channel;
    private readonly IGuestMemory _memory;
    private readonly DescriptorPages _pages = new();
    private readonly HypercallRegisters _frame; // the number and the convention's constants

    /// <summary>Describes a function of the VMM under a machine. Nothing is called.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="convention">The convention.</param>
    /// <param name="number">The number.</param>
    /// <param name="name">Its name, for people; null for none.</param>
    /// <param name="layout">Which arguments hold memory in a transfer; null for the convention's own layout, if it has
    /// one.</param>
    /// <exception cref="ArgumentException">The channel does not carry the convention's registers, or fills bits of them itself,
    /// or the layout does not fit the convention.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number does not fit the convention's field.</exception>
    public HypercallFunction(IHypercallMachine machine, HypercallConvention convention, ulong number, string? name = null, TransferLayout? layout = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(convention);
        _machine = machine;
        IHypercallChannel channel = machine.Channel;
        _channel = channel is ObservedChannel observed ? observed.For(name ?? Describe(convention, number)) : channel;
        _memory = machine.Memory;
        convention.ThrowIfNotCarried(_channel);
        _frame = convention.CreateFrame(number);
        Layout = layout ?? convention.Layout;
        Layout?.ThrowIfUnfit(convention);
        Convention = convention;
        Number = number;
        Name = name;
    }

    /// <summary>The convention.</summary>
    public HypercallConvention Convention { get; }

    /// <summary>The number.</summary>
    public ulong Number { get; }

    /// <summary>Its name; null when it has none.</summary>
    public string? Name { get; }

    /// <summary>
    /// Which arguments hold memory in a transfer; null when nobody said, and then nothing can be transferred but words in
    /// registers.
    /// </summary>
    public TransferLayout? Layout { get; }

    internal IGuestMemory Memory => _memory;

    /// <summary>The channel as who logs and counts; null when nobody observes it.</summary>
    internal ObservedChannel? Observed => _channel as ObservedChannel;

    /// <summary>The same function, with each call made on one CPU of the guest.</summary>
    /// <param name="cpu">The CPU's number, from 0, as the guest's kernel counts them.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="cpu"/> is negative.</exception>
    /// <exception cref="HypercallRefusedException">There is no such CPU, or it is offline, or this process may not run
    /// there.</exception>
    /// <exception cref="NotSupportedException">The machine cannot: see <see cref="IHypercallMachine.OnCpu"/>.</exception>
    public HypercallFunction OnCpu(int cpu) => new(_machine.OnCpu(cpu), Convention, Number, Name, Layout);

    /// <summary>Calls the function.</summary>
    /// <param name="words">Its arguments, in order; those that are left out are 0.</param>
    /// <returns>The registers after the call, and whether they mean failure: a failure that the VMM reports is a result, not an
    /// exception.</returns>
    /// <exception cref="ArgumentException">There are too many arguments for the convention, or one does not fit its field.
    /// Nothing was called.</exception>
    /// <exception cref="ForeignVmmException">The answer proves that a VMM of another convention gave it.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    public HypercallResult Call(params ReadOnlySpan<ulong> words)
    {
        HypercallRegisters registers = _frame;
        Convention.Put(ref registers, words);
        HypercallStatus status = _channel.TryInvoke(ref registers);
        status.ThrowIfNotCompleted();
        if (Convention.ProvesForeign(Number, words, in registers))
        {
            throw new ForeignVmmException(Convention, Number, registers.Rax);
        }

        return new HypercallResult(Convention, Number, in registers);
    }

    /// <summary>Calls the function.</summary>
    /// <param name="result">The registers after the call, and what the convention says of them; when the call did not complete,
    /// as they went in.</param>
    /// <param name="words">Its arguments, in order; those that are left out are 0.</param>
    /// <returns>Completed, or why not.</returns>
    /// <exception cref="ArgumentException">There are too many arguments for the convention, or one does not fit its field.
    /// Nothing was called.</exception>
    public HypercallStatus TryCall(out HypercallResult result, params ReadOnlySpan<ulong> words)
    {
        HypercallRegisters registers = _frame;
        Convention.Put(ref registers, words);
        HypercallStatus status = _channel.TryInvoke(ref registers);
        result = new HypercallResult(Convention, Number, in registers)
        {
            IsForeign = status.IsCompleted && Convention.ProvesForeign(Number, words, in registers),
        };
        return status;
    }

    /// <summary>
    /// Calls the function with a whole frame, into which its number and the convention's constants are put. Nothing is judged.
    /// </summary>
    /// <param name="registers">The frame, in and out.</param>
    /// <returns>Completed, or why not.</returns>
    public HypercallStatus TryCall(ref HypercallRegisters registers)
    {
        Convention.Address(ref registers, Number);
        return _channel.TryInvoke(ref registers);
    }

    /// <summary>
    /// Calls the function with a whole frame, into which its number and the convention's constants are put. Nothing is judged.
    /// </summary>
    /// <param name="registers">The frame, in and out; number and constants apart, unchanged when the call does not
    /// complete.</param>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    public void Call(ref HypercallRegisters registers) => TryCall(ref registers).ThrowIfNotCompleted();

    /// <summary>Hands memory to the function, and throws unless all of it is done.</summary>
    /// <param name="slice">The memory: a buffer, or some bytes of one.</param>
    /// <param name="passing">The technique.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="rule">How the registers after each call mean bytes done and failure.</param>
    /// <param name="options">The function's own arguments, progress, and what the VMM keeps; null for none of it.</param>
    /// <param name="cancellationToken">Stops a transfer of many calls between two of them.</param>
    /// <returns>How it went: the registers, the number of calls, and the lease on what the VMM keeps.</returns>
    /// <exception cref="InvalidOperationException">The function has no layout. The memory was not touched.</exception>
    /// <exception cref="ArgumentException">There are more words of the function's own than arguments that the layout leaves, or
    /// the memory is no whole number of the layout's units.</exception>
    /// <exception cref="GuestMemoryException">The memory is not fit for the technique or the direction; nothing was handed
    /// over.</exception>
    /// <exception cref="GuestMemoryMovedException">A page moved during a call: the transfer cannot be trusted.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the first call, and the VMM was to keep
    /// nothing.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the first call.</exception>
    /// <exception cref="TransferException">
    /// The transfer ended part way, or a call faulted that was to let the VMM keep the address. The result says how many bytes
    /// are known to have arrived, and holds the lease.
    /// </exception>
    /// <exception cref="TransferCanceledException">It was cancelled.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system does not tell physical addresses.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public TransferResult Transfer(
        GuestSlice slice,
        Passing passing,
        Direction direction,
        TransferRule rule,
        TransferOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        TransferResult result = TryTransfer(slice, passing, direction, rule, options, cancellationToken);
        return result.IsCompleted ? result : throw result.ToException(cancellationToken);
    }

    /// <summary>Hands memory to the function.</summary>
    /// <param name="slice">The memory: a buffer, or some bytes of one.</param>
    /// <param name="passing">The technique.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="rule">How the registers after each call mean bytes done and failure.</param>
    /// <param name="options">The function's own arguments, progress, and what the VMM keeps; null for none of it.</param>
    /// <param name="cancellationToken">Stops a transfer of many calls between two of them.</param>
    /// <returns>How it ended, and how many bytes are known to have arrived.</returns>
    /// <exception cref="InvalidOperationException">The function has no layout. The memory was not touched.</exception>
    /// <exception cref="ArgumentException">There are more words of the function's own than arguments that the layout leaves, or
    /// the memory is no whole number of the layout's units.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public TransferResult TryTransfer(
        GuestSlice slice,
        Passing passing,
        Direction direction,
        TransferRule rule,
        TransferOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(slice.Buffer, nameof(slice));
        ArgumentNullException.ThrowIfNull(passing);
        ArgumentNullException.ThrowIfNull(rule);
        ThrowIfNone(direction);
        options ??= TransferOptions.None;
        options.ThrowIfInvalid();
        TransferLayout layout = Layout ?? throw new InvalidOperationException(
            $"Which arguments of {this} hold memory is not known: the convention '{Convention}' says nothing of it. Give the function a TransferLayout, such as TransferLayout.Address(0) or new TransferLayout(toVmm: 0, fromVmm: 1).");
        TransferOptions.ThrowIfUnfit(layout, Convention, passing, options, slice);

        using Transfer transfer = new(this, layout, _channel, _memory, _pages, slice, direction, rule, options, cancellationToken);
        using GuestBuffer.InFlight use = slice.Buffer.EnterCall();
        return transfer.Run(passing);
    }

    /// <summary>Hands words to the function in its argument registers, in one call, and throws unless it does them.</summary>
    /// <param name="words">The words, for the arguments in their order; where the data goes from the VMM, those arguments' values
    /// after the call.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="rule">How the registers after the call mean bytes done (8 a word) and failure.</param>
    /// <returns>How it went.</returns>
    /// <exception cref="ArgumentException">There are no words, or more than the convention has arguments.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    /// <exception cref="TransferException">The function failed, or did not do all.</exception>
    public TransferResult Transfer(Span<ulong> words, Direction direction, TransferRule rule)
    {
        TransferResult result = TryTransfer(words, direction, rule);
        return result.IsCompleted ? result : throw result.ToException(default);
    }

    /// <summary>Hands words to the function in its argument registers, in one call.</summary>
    /// <param name="words">The words, for the arguments in their order; where the data goes from the VMM, those arguments' values
    /// after the call.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="rule">How the registers after the call mean bytes done (8 a word) and failure.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="ArgumentException">There are no words, or more than the convention has arguments.</exception>
    public TransferResult TryTransfer(Span<ulong> words, Direction direction, TransferRule rule)
    {
        if (words.IsEmpty || words.Length > Convention.Arguments.Count)
        {
            throw new ArgumentException(
                $"Registers of the convention '{Convention}' carry 1 to {Convention.Arguments.Count} words ({string.Join(", ", Convention.Arguments)}); {words.Length} were given. Hand over a buffer instead.",
                nameof(words));
        }

        ArgumentNullException.ThrowIfNull(rule);
        ThrowIfNone(direction);
        HypercallRegisters sent = Convention.CreateFrame(Number, direction.HasFlag(Direction.ToVmm) ? words : default);
        HypercallRegisters received = sent;
        HypercallStatus status = _channel.TryInvoke(ref received);
        TransferResult result = Hypercall.Transfer.OfRegisters(Convention, in status, in sent, in received, words.Length * sizeof(ulong), rule);
        if (status.IsCompleted && direction.HasFlag(Direction.FromVmm))
        {
            for (int i = 0; i < words.Length; i++)
            {
                words[i] = Convention.Arguments[i].Read(in received);
            }
        }

        return result;
    }

    /// <summary>The name and the number, or the convention and the number.</summary>
    public override string ToString() => Name is null
        ? Describe(Convention, Number)
        : string.Create(CultureInfo.InvariantCulture, $"{Name} ({Number})");

    private static string Describe(HypercallConvention convention, ulong number) =>
        string.Create(CultureInfo.InvariantCulture, $"{convention} {number}");

    private static void ThrowIfNone(Direction direction)
    {
        if (direction is < Direction.ToVmm or > Direction.Both)
        {
            throw new ArgumentOutOfRangeException(nameof(direction), direction, "A transfer goes ToVmm, FromVmm, or Both.");
        }
    }
}
