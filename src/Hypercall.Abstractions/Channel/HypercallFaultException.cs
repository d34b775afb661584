namespace Hypercall;

/// <summary>The CPU raised a fault on the hypercall instruction. The process lives, and no register changed.</summary>
public sealed class HypercallFaultException : HypercallException
{
    /// <summary>Creates the error.</summary>
    /// <param name="fault">The fault.</param>
    public HypercallFaultException(in CpuFault fault)
        : base(Describe(in fault)) => Fault = fault;

    /// <summary>The fault.</summary>
    public CpuFault Fault { get; }

    /// <summary>
    /// Whether the VMM raised a #PF for an address that it was given: the page may be there next time. A wrong instruction, or
    /// no VMM, stays so.
    /// </summary>
    public override bool IsTransient => Fault.IsTransient;

    internal static string Describe(in CpuFault fault) =>
        $"{fault.Target?.ToString() ?? "The hypercall instruction"} raised {fault}. {fault.Advice}";
}
