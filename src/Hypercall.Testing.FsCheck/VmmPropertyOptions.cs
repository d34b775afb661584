using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

/// <summary>What a [VmmProperty] says, whichever test framework it is of.</summary>
internal sealed class VmmPropertyOptions
{
    private int? _maxPages;
    private int? _maxCalls;
    private int? _maxFaults;

    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
    public Type? Machine { get; set; }

    public string? Configure { get; set; }

    public int MaxPages { get => _maxPages ?? FakeCaseSize.Default.MaxPages; set => _maxPages = value; }

    public int MaxCalls { get => _maxCalls ?? FakeCaseSize.Default.MaxCalls; set => _maxCalls = value; }

    public int MaxFaults { get => _maxFaults ?? FakeCaseSize.Default.MaxFaults; set => _maxFaults = value; }

    public FakeCaseSize SizeFrom(FakeCaseSize size) =>
        size.With(_maxPages ?? size.MaxPages, size.MaxBuffers, _maxCalls ?? size.MaxCalls, _maxFaults ?? size.MaxFaults);

    public IVmmSetup? Setup() =>
        Machine is null ? null
        : Machine.IsAssignableTo(typeof(IVmmSetup)) ? (IVmmSetup)Activator.CreateInstance(Machine)!
        : throw new InvalidOperationException(
            $"{Machine.Name}, which [VmmProperty(Machine = typeof({Machine.Name}))] names, is no {nameof(IVmmSetup)}.");
}
