using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>
/// How a call ended: the instruction completed, or the CPU raised a fault on it, or the channel itself refused the call.
/// </summary>
public readonly struct HypercallStatus : IEquatable<HypercallStatus>
{
    private readonly object? _reason; // null when it completed; otherwise an Occurrence or a ChannelRefusal

    private HypercallStatus(object reason) => _reason = reason;

    /// <summary>The instruction completed; the answer is in the registers.</summary>
    public static HypercallStatus Completed => default;

    /// <summary>Whether the instruction completed.</summary>
    public bool IsCompleted => _reason is null;

    /// <summary>Whether the CPU raised a fault: <see cref="Fault"/>.</summary>
    public bool IsFaulted => _reason is Occurrence;

    /// <summary>Whether the channel itself refused the call: <see cref="Refusal"/>.</summary>
    [MemberNotNullWhen(true, nameof(Refusal))]
    public bool IsRefused => Refusal is not null;

    /// <summary>Why the channel refused the call; null when it did not.</summary>
    public ChannelRefusal? Refusal => _reason as ChannelRefusal;

    /// <summary>The fault; its <see cref="CpuFault.Kind"/> is <see cref="CpuFaultKind.None"/> when there was none.</summary>
    public ref readonly CpuFault Fault => ref (_reason as Occurrence ?? Occurrence.None).Fault;

    /// <summary>Whether two statuses are the same.</summary>
    /// <param name="left">One status.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(HypercallStatus left, HypercallStatus right) => left.Equals(right);

    /// <summary>Whether two statuses differ.</summary>
    /// <param name="left">One status.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(HypercallStatus left, HypercallStatus right) => !left.Equals(right);

    /// <summary>The instruction raised a fault.</summary>
    /// <param name="fault">Which one.</param>
    /// <exception cref="ArgumentException">The kind of <paramref name="fault"/> is <see cref="CpuFaultKind.None"/>.</exception>
    public static HypercallStatus Faulted(in CpuFault fault) => fault.Kind == CpuFaultKind.None
        ? throw new ArgumentException("A fault needs a kind; use HypercallStatus.Completed for a call that completed.", nameof(fault))
        : new HypercallStatus(new Occurrence(in fault));

    /// <summary>The channel itself refused the call; nothing was executed.</summary>
    /// <param name="refusal">Why.</param>
    public static HypercallStatus Refused(ChannelRefusal refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return new HypercallStatus(refusal);
    }

    /// <summary>The error that says why the call did not complete.</summary>
    /// <exception cref="InvalidOperationException">It did.</exception>
    public HypercallException ToException() =>
        Refusal is { } refusal ? new HypercallRefusedException(refusal)
        : IsFaulted ? new HypercallFaultException(in Fault)
        : throw new InvalidOperationException("The call completed: there is no error.");

    internal void ThrowIfNotCompleted()
    {
        if (!IsCompleted)
        {
            Throw();
        }
    }

    /// <inheritdoc/>
    public bool Equals(HypercallStatus other) => ReferenceEquals(Refusal, other.Refusal) && Fault.Equals(other.Fault);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is HypercallStatus other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Refusal, Fault);

    /// <summary><c>completed</c>, the fault in one line, or why the channel refused.</summary>
    public override string ToString() => IsCompleted ? "completed" : Refusal?.Message ?? Fault.ToString();

    [DoesNotReturn] // of its own, so that the check is inlined
    private void Throw() => throw ToException();

    // On the heap, because hardly any call faults, and every call returns a status: in a register, as it is.
    private sealed class Occurrence(in CpuFault fault)
    {
        public static readonly Occurrence None = new(default);

        public readonly CpuFault Fault = fault;
    }
}
