using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Hypercall.BitVisor;

/// <summary>The answer to a look-up by name: a function, or one of the ways in which there is none.</summary>
public readonly struct VmmLookup
{
    private VmmLookup(string name, VmmLookupOutcome outcome, HypercallFunction? function, ulong rax, in HypercallStatus status)
    {
        Name = name;
        Outcome = outcome;
        Function = function;
        Rax = rax;
        Status = status;
    }

    /// <summary>The name that was looked up.</summary>
    public string Name { get; }

    /// <summary>How it ended.</summary>
    public VmmLookupOutcome Outcome { get; }

    /// <summary>The function, when it was found.</summary>
    public HypercallFunction? Function { get; }

    /// <summary>What the VMM left in RAX; 0 when the instruction faulted.</summary>
    public ulong Rax { get; }

    /// <summary>
    /// How the call itself ended: when the outcome is <see cref="VmmLookupOutcome.Faulted"/> or
    /// <see cref="VmmLookupOutcome.Refused"/>, why it did not complete.
    /// </summary>
    public HypercallStatus Status { get; }

    /// <summary>Whether the function was found.</summary>
    [MemberNotNullWhen(true, nameof(Function))]
    public bool IsFound => Function is not null;

    /// <summary>What happened, and what can be done about it.</summary>
    public string Message => Outcome switch
    {
        VmmLookupOutcome.Found => $"The VMM function '{Name}' has number {Rax}.",
        VmmLookupOutcome.NotFound => VmmFunctionNotFoundException.Describe(Name),
        VmmLookupOutcome.ForeignAbi => DescribeForeign(Name, Rax),
        _ => Status.ToException().Message,
    };

    /// <summary>The error that says why there is no function.</summary>
    /// <exception cref="InvalidOperationException">There is one.</exception>
    public HypercallException ToException() => Outcome switch
    {
        VmmLookupOutcome.ForeignAbi => new ForeignVmmException(Name, Rax, Message),
        VmmLookupOutcome.NotFound => new VmmFunctionNotFoundException(Name),
        VmmLookupOutcome.Found => throw new InvalidOperationException($"'{Name}' was found: there is no error."),
        _ => Status.ToException(),
    };

    internal static VmmLookup Found(string name, HypercallFunction function) =>
        new(name, VmmLookupOutcome.Found, function, function.Number, default);

    internal static VmmLookup NotFound(string name) => new(name, VmmLookupOutcome.NotFound, null, 0, default);

    internal static VmmLookup Foreign(string name, ulong rax) => new(name, VmmLookupOutcome.ForeignAbi, null, rax, default);

    internal static VmmLookup NotCompleted(string name, in HypercallStatus status) =>
        new(name, status.IsRefused ? VmmLookupOutcome.Refused : VmmLookupOutcome.Faulted, null, 0, in status);

    internal static string DescribeForeign(string name, ulong rax)
    {
        string meaning = rax == ulong.MaxValue
            ? " -1 is EPERM: KVM answers so to every call from user mode, whatever its number."
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"A VMM answered the look-up of '{name}', but not in this ABI: RAX = 0x{rax:x} ({(long)rax}), where a function number is 1 to 127 and 0 means not found.{meaning} "
            + $"This host's VMM does not call functions by name; speak its own convention (HypercallConvention), or run under a VMM that does.");
    }
}
