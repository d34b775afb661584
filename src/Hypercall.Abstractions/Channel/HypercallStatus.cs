using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>How a hypercall instruction ended: it completed, or the CPU raised a fault on it.</summary>
public readonly struct HypercallStatus : IEquatable<HypercallStatus>
{
    private readonly CpuFault _fault;

    private HypercallStatus(in CpuFault fault) => _fault = fault;

    /// <summary>The instruction completed; the answer is in the registers.</summary>
    public static HypercallStatus Completed => default;

    /// <summary>Whether the instruction completed.</summary>
    public bool IsCompleted => _fault.Kind == CpuFaultKind.None;

    /// <summary>The fault; its <see cref="CpuFault.Kind"/> is <see cref="CpuFaultKind.None"/> when the instruction completed.</summary>
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

    internal void ThrowIfFaulted()
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

    /// <summary><c>completed</c>, or the fault in one line.</summary>
    public override string ToString() => IsCompleted ? "completed" : _fault.ToString();

    [DoesNotReturn] // of its own, so that the check is inlined
    private void Throw() => throw new HypercallFaultException(in _fault);
}
