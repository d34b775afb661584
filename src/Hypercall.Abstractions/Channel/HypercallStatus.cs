using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>How a call ended: the instruction completed, or the CPU raised a fault on it, or the channel itself refused the call.</summary>
public readonly struct HypercallStatus : IEquatable<HypercallStatus>
{
    private readonly CpuFault _fault;

    private HypercallStatus(in CpuFault fault) => _fault = fault;

    /// <summary>The instruction completed; the answer is in the registers.</summary>
    public static HypercallStatus Completed => default;

    /// <summary>Whether the instruction completed.</summary>
    public bool IsCompleted => _fault.IsNothing;

    /// <summary>Whether the CPU raised a fault: <see cref="Fault"/>.</summary>
    public bool IsFaulted => _fault.Kind != CpuFaultKind.None;

    /// <summary>Whether the channel itself refused the call: <see cref="Refusal"/>.</summary>
    [MemberNotNullWhen(true, nameof(Refusal))]
    public bool IsRefused => Refusal is not null;

    /// <summary>Why the channel refused the call; null when it did not.</summary>
    public ChannelRefusal? Refusal => _fault.Refusal;

    /// <summary>The fault; its <see cref="CpuFault.Kind"/> is <see cref="CpuFaultKind.None"/> when there was none.</summary>
    [UnscopedRef]
    public ref readonly CpuFault Fault => ref _fault;

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
        : new HypercallStatus(in fault);

    /// <summary>The channel itself refused the call; nothing was executed.</summary>
    /// <param name="refusal">Why.</param>
    public static HypercallStatus Refused(ChannelRefusal refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return new HypercallStatus(new CpuFault(CpuFaultKind.None) { Refusal = refusal });
    }

    /// <summary>The error that says why the call did not complete.</summary>
    /// <exception cref="InvalidOperationException">It did.</exception>
    public HypercallException ToException() =>
        Refusal is { } refusal ? new HypercallRefusedException(refusal)
        : IsFaulted ? new HypercallFaultException(in _fault)
        : throw new InvalidOperationException("The call completed: there is no error.");

    internal void ThrowIfNotCompleted()
    {
        if (!IsCompleted)
        {
            Throw();
        }
    }

    /// <inheritdoc/>
    public bool Equals(HypercallStatus other) => _fault.Equals(other._fault);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is HypercallStatus other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _fault.GetHashCode();

    /// <summary><c>completed</c>, the fault in one line, or why the channel refused.</summary>
    public override string ToString() => IsCompleted ? "completed" : Refusal?.Message ?? _fault.ToString();

    [DoesNotReturn] // of its own, so that the check is inlined
    private void Throw() => throw ToException();
}
