namespace Hypercall.Testing;

/// <summary>A fault, and when it occurs.</summary>
public readonly record struct PlannedFault
{
    /// <summary>Plans a fault.</summary>
    /// <param name="injectionPoint">When.</param>
    /// <param name="fault">What.</param>
    public PlannedFault(FakeInjectionPoint injectionPoint, FakeFault fault)
    {
        InjectionPoint = injectionPoint;
        Fault = fault;
    }

    /// <summary>When.</summary>
    public FakeInjectionPoint InjectionPoint { get; internal init; }

    /// <summary>What.</summary>
    public FakeFault Fault { get; internal init; }

    /// <summary>Both in words.</summary>
    public override string ToString() => $"{InjectionPoint}: {Fault}";

    internal string ToCSharp() => $"new({InjectionPoint.ToCSharp()}, {Fault.ToCSharp()})";
}
