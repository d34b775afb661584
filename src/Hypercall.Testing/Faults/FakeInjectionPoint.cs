using System.Globalization;

namespace Hypercall.Testing;

/// <summary>
/// A step of the fake machine's logical clock. There is no other time on this machine: the same program makes the same steps.
/// </summary>
/// <remarks>
/// <code>
/// guest   step 1 allocate   step 2 touch   step 3 translate    call 1 ........................    step 4 free
/// VMM                                                          entry  walk 1 page 1 walk 2 page 2  return
/// </code>
/// Calls are counted from 1 over the whole run, look-ups of names included; walks, maps and pages from 1 in each call; guest
/// steps from 1 over the whole run.
/// </remarks>
public readonly record struct FakeInjectionPoint
{
    internal FakeInjectionPoint(FakeInjectionPointKind kind, int call, int index)
    {
        Kind = kind;
        Call = call;
        Index = index;
    }

    /// <summary>Which kind of step.</summary>
    public FakeInjectionPointKind Kind { get; }

    /// <summary>Which call, from 1; 0 for a <see cref="FakeInjectionPointKind.GuestStep"/>.</summary>
    public int Call { get; internal init; }

    /// <summary>Which walk, map or page of the call, or which guest step, from 1; 0 for the other kinds.</summary>
    public int Index { get; internal init; }

    /// <summary>Before the guest executes the instruction.</summary>
    /// <param name="call">Which call, from 1.</param>
    public static FakeInjectionPoint BeforeEntry(int call) => new(FakeInjectionPointKind.BeforeEntry, Counted(call), 0);

    /// <summary>Before the VMM's n-th walk of the guest's page table in a call.</summary>
    /// <param name="call">Which call, from 1.</param>
    /// <param name="walk">Which walk, from 1.</param>
    public static FakeInjectionPoint BeforeWalk(int call, int walk) => new(FakeInjectionPointKind.BeforeWalk, Counted(call), Counted(walk));

    /// <summary>Before the VMM translates the n-th guest-physical page that it maps in a call.</summary>
    /// <param name="call">Which call, from 1.</param>
    /// <param name="map">Which page, from 1.</param>
    public static FakeInjectionPoint BeforeMap(int call, int map) => new(FakeInjectionPointKind.BeforeMap, Counted(call), Counted(map));

    /// <summary>Before the VMM reads or writes bytes of a page for the n-th time in a call.</summary>
    /// <param name="call">Which call, from 1.</param>
    /// <param name="page">Which page, from 1.</param>
    public static FakeInjectionPoint BeforePage(int call, int page) => new(FakeInjectionPointKind.BeforePage, Counted(call), Counted(page));

    /// <summary>Before the VMM enters the guest again.</summary>
    /// <param name="call">Which call, from 1.</param>
    public static FakeInjectionPoint BeforeReturn(int call) => new(FakeInjectionPointKind.BeforeReturn, Counted(call), 0);

    /// <summary>After a call, before the guest does anything else.</summary>
    /// <param name="call">Which call, from 1.</param>
    public static FakeInjectionPoint AfterReturn(int call) => new(FakeInjectionPointKind.AfterReturn, Counted(call), 0);

    /// <summary>Before the n-th thing that the guest asks its kernel for.</summary>
    /// <param name="step">Which step, from 1.</param>
    public static FakeInjectionPoint GuestStep(int step) => new(FakeInjectionPointKind.GuestStep, 0, Counted(step));

    /// <summary>Whether the VMM has the virtual CPU at this moment.</summary>
    internal bool IsInCall => Kind is FakeInjectionPointKind.BeforeWalk or FakeInjectionPointKind.BeforeMap or FakeInjectionPointKind.BeforePage or FakeInjectionPointKind.BeforeReturn;

    /// <summary>The injection point in words: <c>call 2, before walk 1</c>.</summary>
    public override string ToString() => Kind switch
    {
        FakeInjectionPointKind.BeforeEntry => string.Create(CultureInfo.InvariantCulture, $"call {Call}, before entry"),
        FakeInjectionPointKind.BeforeWalk => string.Create(CultureInfo.InvariantCulture, $"call {Call}, before walk {Index}"),
        FakeInjectionPointKind.BeforeMap => string.Create(CultureInfo.InvariantCulture, $"call {Call}, before map {Index}"),
        FakeInjectionPointKind.BeforePage => string.Create(CultureInfo.InvariantCulture, $"call {Call}, before page {Index}"),
        FakeInjectionPointKind.BeforeReturn => string.Create(CultureInfo.InvariantCulture, $"call {Call}, before return"),
        FakeInjectionPointKind.AfterReturn => string.Create(CultureInfo.InvariantCulture, $"call {Call}, after return"),
        _ => string.Create(CultureInfo.InvariantCulture, $"guest step {Index}"),
    };

    internal string ToCSharp() => Kind switch
    {
        FakeInjectionPointKind.BeforeEntry or FakeInjectionPointKind.BeforeReturn or FakeInjectionPointKind.AfterReturn => string.Create(CultureInfo.InvariantCulture, $"FakeInjectionPoint.{Kind}({Call})"),
        FakeInjectionPointKind.GuestStep => string.Create(CultureInfo.InvariantCulture, $"FakeInjectionPoint.GuestStep({Index})"),
        _ => string.Create(CultureInfo.InvariantCulture, $"FakeInjectionPoint.{Kind}({Call}, {Index})"),
    };

    private static int Counted(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(number);
        return number;
    }
}
