namespace Hypercall.BitVisor;

/// <summary>A function of the VMM that was found by name. Safe to call from any number of threads.</summary>
public sealed class HypercallFunction
{
    private const int MaxWords = 5;

    private readonly IHypercallChannel _channel;
    private readonly IGuestMemory _memory;

    internal HypercallFunction(IHypercallChannel channel, IGuestMemory memory, string name, ulong number)
    {
        _channel = channel;
        _memory = memory;
        Name = name;
        Number = number;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its number, 1 to 127, until the VMM is replaced.</summary>
    public ulong Number { get; }

    /// <summary>Calls the function with up to five arguments.</summary>
    /// <param name="rbx">First argument.</param>
    /// <param name="rcx">Second argument.</param>
    /// <param name="rdx">Third argument.</param>
    /// <param name="rsi">Fourth argument.</param>
    /// <param name="rdi">Fifth argument.</param>
    /// <returns>The registers after the call.</returns>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    public VmmCallResult Call(ulong rbx = 0, ulong rcx = 0, ulong rdx = 0, ulong rsi = 0, ulong rdi = 0)
    {
        TryCall(out VmmCallResult result, rbx, rcx, rdx, rsi, rdi).ThrowIfFaulted();
        return result;
    }

    /// <summary>Calls the function with up to five arguments.</summary>
    /// <param name="result">The registers after the call; when the call faulted, as they went in.</param>
    /// <param name="rbx">First argument.</param>
    /// <param name="rcx">Second argument.</param>
    /// <param name="rdx">Third argument.</param>
    /// <param name="rsi">Fourth argument.</param>
    /// <param name="rdi">Fifth argument.</param>
    /// <returns>Completed, or the fault.</returns>
    public HypercallStatus TryCall(
        out VmmCallResult result, ulong rbx = 0, ulong rcx = 0, ulong rdx = 0, ulong rsi = 0, ulong rdi = 0)
    {
        result = default;
        ref HypercallRegisters registers = ref result.Begin(Number);
        registers.Rbx = rbx;
        registers.Rcx = rcx;
        registers.Rdx = rdx;
        registers.Rsi = rsi;
        registers.Rdi = rdi;
        return TryCall(ref registers);
    }

    /// <summary>Calls the function with a whole frame, whose RAX is set to the function's number.</summary>
    /// <param name="registers">The frame, in and out.</param>
    /// <returns>Completed, or the fault.</returns>
    public HypercallStatus TryCall(ref HypercallRegisters registers)
    {
        registers.Rax = Number;
        return _channel.TryInvoke(ref registers);
    }

    /// <summary>Calls the function with a whole frame, whose RAX is set to the function's number.</summary>
    /// <param name="registers">The frame, in and out; RAX apart, unchanged when the call faults.</param>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    public void Call(ref HypercallRegisters registers) => TryCall(ref registers).ThrowIfFaulted();

    /// <summary>Hands memory to the function, and throws unless all of it is done.</summary>
    /// <param name="slice">The memory: a buffer, or some bytes of one.</param>
    /// <param name="passing">The technique.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="options">The function's own arguments and rule, progress, and what the VMM keeps; null for none of it.</param>
    /// <param name="cancellationToken">Stops a transfer of many calls between two of them.</param>
    /// <returns>How it went: the registers, the number of calls, and the lease on what the VMM keeps.</returns>
    /// <exception cref="GuestMemoryException">The memory is not fit for the technique or the direction; nothing was handed over.</exception>
    /// <exception cref="GuestMemoryMovedException">A page moved during a call: the transfer cannot be trusted.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the first call, and the VMM was to keep nothing.</exception>
    /// <exception cref="TransferException">
    /// The transfer ended part way, or a call faulted that was to let the VMM keep the address. The result says how many bytes are known to have arrived, and holds
    /// the lease.
    /// </exception>
    /// <exception cref="TransferCanceledException">It was cancelled.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system does not tell physical addresses.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public TransferResult Transfer(
        GuestSlice slice, Passing passing, Direction direction, TransferOptions? options = null, CancellationToken cancellationToken = default)
    {
        TransferResult result = TryTransfer(slice, passing, direction, options, cancellationToken);
        return result.IsCompleted ? result : throw result.ToException(cancellationToken);
    }

    /// <summary>Hands memory to the function.</summary>
    /// <param name="slice">The memory: a buffer, or some bytes of one.</param>
    /// <param name="passing">The technique.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="options">The function's own arguments and rule, progress, and what the VMM keeps; null for none of it.</param>
    /// <param name="cancellationToken">Stops a transfer of many calls between two of them.</param>
    /// <returns>How it ended, and how many bytes are known to have arrived.</returns>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public TransferResult TryTransfer(
        GuestSlice slice, Passing passing, Direction direction, TransferOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(slice.Buffer, nameof(slice));
        ArgumentNullException.ThrowIfNull(passing);
        ThrowIfNone(direction);
        if (options?.KeptBy is { } holder && string.IsNullOrWhiteSpace(holder))
        {
            throw new ArgumentException("TransferOptions.KeptBy names who keeps the memory; it is blank. Leave it null when nobody does.", nameof(options));
        }

        using Transfer transfer = new(_channel, _memory, Number, slice, direction, options ?? TransferOptions.None, cancellationToken);
        using GuestBuffer.InFlight use = slice.Buffer.EnterCall();
        return passing.Run(transfer);
    }

    /// <summary>Hands up to five words to the function in registers, in one call, and throws unless it does them.</summary>
    /// <param name="words">The words, for RBX, RCX, RDX, RSI, RDI; where the data goes from the VMM, those registers' values after the call.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="rule">How result registers mean bytes done (8 a word) and failure; null: a call that completed has done all.</param>
    /// <returns>How it went.</returns>
    /// <exception cref="ArgumentException">There are no words, or more than five.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="TransferException">The function failed, or did not do all.</exception>
    public TransferResult Transfer(Span<ulong> words, Direction direction, TransferRule? rule)
    {
        TransferResult result = TryTransfer(words, direction, rule);
        return result.IsCompleted ? result : throw result.ToException(default);
    }

    /// <summary>Hands up to five words to the function in registers, in one call; a call that completed has done all of them.</summary>
    /// <param name="words">The words, for RBX, RCX, RDX, RSI, RDI; where the data goes from the VMM, those registers' values after the call.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <returns>How it went.</returns>
    /// <exception cref="ArgumentException">There are no words, or more than five.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    public TransferResult Transfer(Span<ulong> words, Direction direction) => Transfer(words, direction, rule: null);

    /// <summary>Hands up to five words to the function in registers, in one call.</summary>
    /// <param name="words">The words, for RBX, RCX, RDX, RSI, RDI; where the data goes from the VMM, those registers' values after the call.</param>
    /// <param name="direction">Which way the data goes.</param>
    /// <param name="rule">How result registers mean bytes done (8 a word) and failure; null: a call that completed has done all.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="ArgumentException">There are no words, or more than five.</exception>
    public TransferResult TryTransfer(Span<ulong> words, Direction direction, TransferRule? rule)
    {
        if (words.Length is < 1 or > MaxWords)
        {
            throw new ArgumentException($"Registers carry 1 to {MaxWords} words (RBX, RCX, RDX, RSI, RDI); {words.Length} were given. Hand over a buffer instead.", nameof(words));
        }

        ThrowIfNone(direction);
        HypercallRegisters registers = HypercallConvention.BitVisor.CreateFrame(Number, direction.HasFlag(Direction.ToVmm) ? words : default);
        long length = words.Length * sizeof(ulong);
        HypercallStatus status = _channel.TryInvoke(ref registers);
        TransferResult result = Hypercall.Transfer.OfRegisters(in status, in registers, length, rule);
        if (status.IsCompleted && direction.HasFlag(Direction.FromVmm))
        {
            for (int i = 0; i < words.Length; i++)
            {
                words[i] = HypercallConvention.BitVisor.Arguments[i].Read(in registers);
            }
        }

        return result;
    }

    /// <summary>The name and the number.</summary>
    public override string ToString() => $"{Name} ({Number})";

    private static void ThrowIfNone(Direction direction)
    {
        if (direction is < Direction.ToVmm or > Direction.Both)
        {
            throw new ArgumentOutOfRangeException(nameof(direction), direction, "A transfer goes ToVmm, FromVmm, or Both.");
        }
    }
}
