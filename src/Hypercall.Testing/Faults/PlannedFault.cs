namespace Hypercall.Testing;

/// <summary>A fault, and when it strikes.</summary>
/// <param name="Moment">When.</param>
/// <param name="Fault">What.</param>
public readonly record struct PlannedFault(FakeMoment Moment, FakeFault Fault)
{
    /// <summary>Both in words.</summary>
    public override string ToString() => $"{Moment}: {Fault}";

    internal string ToCSharp() => $"new({Moment.ToCSharp()}, {Fault.ToCSharp()})";
}
