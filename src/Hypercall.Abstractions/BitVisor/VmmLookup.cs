using System.Diagnostics.CodeAnalysis;

namespace Hypercall.BitVisor;

/// <summary>The answer to a look-up by name: a function, or one of the ways in which there is none.</summary>
public readonly struct VmmLookup
{
    private VmmLookup(string name, VmmLookupOutcome outcome, HypercallFunction? function, ulong rax, in CpuFault fault)
    {
        Name = name;
        Outcome = outcome;
        Function = function;
        Rax = rax;
        Fault = fault;
    }

    /// <summary>The name that was looked up.</summary>
    public string Name { get; }

    /// <summary>How it ended.</summary>
    public VmmLookupOutcome Outcome { get; }

    /// <summary>The function, when it was found.</summary>
    public HypercallFunction? Function { get; }

    /// <summary>What the VMM left in RAX; 0 when the instruction faulted.</summary>
    public ulong Rax { get; }

    /// <summary>The fault, when the outcome is <see cref="VmmLookupOutcome.Faulted"/>.</summary>
    public CpuFault Fault { get; }

    /// <summary>Whether the function was found.</summary>
    [MemberNotNullWhen(true, nameof(Function))]
    public bool IsFound => Function is not null;

    /// <summary>What happened, and what can be done about it.</summary>
    public string Message => Outcome switch
    {
        VmmLookupOutcome.Found => $"The VMM function '{Name}' has number {Rax}.",
        VmmLookupOutcome.NotFound => VmmFunctionNotFoundException.Describe(Name),
        VmmLookupOutcome.ForeignAbi => ForeignVmmException.Describe(Name, Rax),
        _ => HypercallFaultException.Describe(Fault),
    };

    internal static VmmLookup Found(string name, HypercallFunction function) =>
        new(name, VmmLookupOutcome.Found, function, function.Number, default);

    internal static VmmLookup NotFound(string name) => new(name, VmmLookupOutcome.NotFound, null, 0, default);

    internal static VmmLookup Foreign(string name, ulong rax) => new(name, VmmLookupOutcome.ForeignAbi, null, rax, default);

    internal static VmmLookup Faulted(string name, in CpuFault fault) => new(name, VmmLookupOutcome.Faulted, null, 0, in fault);

    internal HypercallException ToException() => Outcome switch
    {
        VmmLookupOutcome.ForeignAbi => new ForeignVmmException(Name, Rax),
        VmmLookupOutcome.Faulted => new HypercallFaultException(Fault),
        _ => new VmmFunctionNotFoundException(Name),
    };
}
