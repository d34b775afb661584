namespace Hypercall.Testing;

/// <summary>A fault, and when it occurs.</summary>
/// <param name="InjectionPoint">When.</param>
/// <param name="Fault">What.</param>
public readonly record struct PlannedFault(FakeInjectionPoint InjectionPoint, FakeFault Fault)
{
    /// <summary>Both in words.</summary>
    public override string ToString() => $"{InjectionPoint}: {Fault}";

    internal string ToCSharp() => $"new({InjectionPoint.ToCSharp()}, {Fault.ToCSharp()})";
}
