namespace Hypercall.Testing;

/// <summary>How <see cref="VmmCheck"/> tries a property.</summary>
public sealed class VmmCheckOptions
{
    internal static VmmCheckOptions Default { get; } = new();

    /// <summary>
    /// What all cases come from: the same seed gives the same cases. Null, the default, for another one each time; a failure
    /// tells it.
    /// </summary>
    public ulong? Seed { get; init; }

    /// <summary>How many cases to try, 1 and more. The default is 100.</summary>
    public int MaxTest { get; init; } = 100;

    /// <summary>The size of the first case, in percent of <see cref="Size"/>, 0 to 100. The default is 1.</summary>
    public int StartSize { get; init; } = 1;

    /// <summary>The size of the last case, in percent of <see cref="Size"/>, 0 to 100. The default is 100.</summary>
    public int EndSize { get; init; } = 100;

    /// <summary>How large the largest case may be, and what may happen in it.</summary>
    public FakeCaseSize Size { get; init; } = FakeCaseSize.Default;

    /// <summary>
    /// How many cases that the property does not want (<see cref="VmmCheck.Discard"/>) are put up with, 0 and more. The default
    /// is 1,000.
    /// </summary>
    public int MaxDiscarded { get; init; } = 1000;

    /// <summary>How many simpler cases are tried after a failure, 0 and more. The default is 5,000.</summary>
    public int MaxShrinks { get; init; } = 5000;

    /// <summary>
    /// Makes each machine ready, before the property has it: <c>fake => fake.On("foo", call => call.Rax = 10)</c>. Null, the
    /// default, for nothing.
    /// </summary>
    public Action<FakeMachine>? Configure { get; init; }

    /// <summary>
    /// The machine to try it on: settings that differ from their defaults stay as they are in every case, its plan too. Null, the
    /// default, for any machine.
    /// </summary>
    public FakeMachineOptions? Machine { get; init; }

    /// <summary>
    /// The one case to try, as a failure tells it (<see cref="FakeCase.ToCSharp"/>). Null, the default, for generated ones.
    /// </summary>
    public FakeCase? Replay { get; init; }

    /// <summary>Whether each case is told before it is tried, and the distribution afterwards. The default is false.</summary>
    public bool Verbose { get; init; }

    /// <summary>Where to; null, the default, for the console.</summary>
    public Action<string>? Output { get; init; }

    /// <summary>Ends the check between two cases. The default never does.</summary>
    public CancellationToken CancellationToken { get; init; }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxTest, nameof(MaxTest));
        ArgumentOutOfRangeException.ThrowIfNegative(MaxDiscarded, nameof(MaxDiscarded));
        ArgumentOutOfRangeException.ThrowIfNegative(MaxShrinks, nameof(MaxShrinks));
        ArgumentOutOfRangeException.ThrowIfNegative(StartSize, nameof(StartSize));
        ArgumentOutOfRangeException.ThrowIfNegative(EndSize, nameof(EndSize));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(StartSize, 100, nameof(StartSize));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(EndSize, 100, nameof(EndSize));
        ArgumentNullException.ThrowIfNull(Size, nameof(Size));
    }
}
