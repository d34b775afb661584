namespace Hypercall.Testing;

/// <summary>How large generated cases may get, and what may happen in them.</summary>
public sealed class FakeCaseSize
{
    private readonly int _maxPages = 64;
    private readonly int _maxBuffers = 3;
    private readonly int _maxCalls = 8;
    private readonly int _maxFaults = 4;
    private readonly long _stepBudget = 10_000_000;
    private readonly IReadOnlyList<FakeFaultKind> _faults = Enum.GetValues<FakeFaultKind>();

    internal static FakeCaseSize Default { get; } = new();

    /// <summary>
    /// How many pages the buffers of a case have together, 1 to 262,144 (1 GiB). The default is 64; from 513 on, buffers of 511
    /// and 512 pages come up too, where a frame list is full.
    /// </summary>
    public int MaxPages { get => _maxPages; init => _maxPages = Checked(value, 1, 1 << 18); }

    /// <summary>How many buffers, 1 and more. The default is 3.</summary>
    public int MaxBuffers { get => _maxBuffers; init => _maxBuffers = Checked(value, 1, int.MaxValue); }

    /// <summary>How many calls, 1 and more. The default is 8.</summary>
    public int MaxCalls { get => _maxCalls; init => _maxCalls = Checked(value, 1, 1 << 20); }

    /// <summary>How many planned faults, 0 and more. The default is 4.</summary>
    public int MaxFaults { get => _maxFaults; init => _maxFaults = Checked(value, 0, 1 << 20); }

    /// <summary>Which faults a plan may hold. The default is all; none gives plans without faults.</summary>
    public IReadOnlyList<FakeFaultKind> Faults
    {
        get => _faults;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            _faults = [.. value.Distinct().Order()];
        }
    }

    /// <summary>
    /// Whether machines differ in more than their seed and plan: levels of the page table, virtual CPUs, and now and then one
    /// that cannot pin, has little lockable memory, no contiguous memory, or no privilege. The default is true.
    /// </summary>
    public bool VaryMachine { get; init; } = true;

    /// <summary>
    /// How many steps a generated machine makes before the program counts as hanging
    /// (<see cref="FakeMachineOptions.StepBudget"/>). The default is 10,000,000.
    /// </summary>
    public long StepBudget
    {
        get => _stepBudget;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            _stepBudget = value;
        }
    }

    /// <summary>A part of this size: what a check begins with, before it grows.</summary>
    /// <param name="size">How much of it, in percent: 0, one page and one call, to 100, all. More is taken for 100.</param>
    internal FakeCaseSize ScaledTo(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        return size >= 100
            ? this
            : With(Math.Max(1, Part(MaxPages)), Math.Max(1, Part(MaxBuffers)), Math.Max(1, Part(MaxCalls)), Part(MaxFaults));

        int Part(int all) => (int)((((long)all * size) + 99) / 100);
    }

    /// <summary>The same with other counts.</summary>
    internal FakeCaseSize With(int maxPages, int maxBuffers, int maxCalls, int maxFaults) => new()
    {
        MaxPages = maxPages,
        MaxBuffers = maxBuffers,
        MaxCalls = maxCalls,
        MaxFaults = maxFaults,
        Faults = Faults,
        VaryMachine = VaryMachine,
        StepBudget = StepBudget,
    };

    private static int Checked(int value, int least, int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most);
        return value;
    }
}
