using System.Diagnostics.CodeAnalysis;
using FsCheck.Xunit;
using Xunit.Sdk;

namespace Hypercall.Testing.Xunit;

/// <summary>
/// A test that is tried on many fake machines, on each of which other things go wrong at other injection points. Its parameters
/// are a <see cref="FakeMachine"/>, made anew for each try; a <see cref="FakeCase"/>, which says what buffers and calls to try on
/// it; and whatever else FsCheck can generate.
/// </summary>
/// <remarks>
/// <para>
/// It fails if it throws or returns false, or if the machine saw what destroys a real one (<see cref="FakeMachine.Failure"/>),
/// even where the program swallowed the exception. Then faults are removed, then pages, then calls, then the other arguments made
/// simpler, as long as it fails in the same way; the failure shows the trace of the smallest case, and how to try it again.
/// </para>
/// <para>
/// <c>MaxTest</c>, <c>MaxRejected</c>, <c>StartSize</c>, <c>EndSize</c>, <c>Replay</c>, <c>Verbose</c>, <c>QuietOnSuccess</c> and
/// <c>Arbitrary</c> mean what they mean on <see cref="PropertyAttribute"/>, beside which it works;
/// <see cref="PropertiesAttribute"/> on the class counts too. <see cref="VmmCheck.Discard"/> and <see cref="VmmCheck.Classify"/>
/// work as they do in a check. Methods return nothing, bool, or a task.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// [VmmProperty(MaxTest = 500, Configure = nameof(Log))]
/// public void The_agent_never_loses_a_line(FakeMachine vmm, NonEmptyArray&lt;string> lines) { ... }
///
/// private static void Log(FakeMachine vmm) => vmm.On("log", call => ...);
/// </code>
/// </example>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Hypercall.Testing.Xunit.VmmPropertyDiscoverer", "Hypercall.Testing.Xunit")]
public sealed class VmmPropertyAttribute : PropertyAttribute
{
    /// <summary>
    /// A type that makes each machine ready: an <see cref="IVmmSetup"/> with a constructor without parameters. Null, the default,
    /// for none.
    /// </summary>
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
    public Type? Machine { get => Options.Machine; set => Options.Machine = value; }

    /// <summary>
    /// The name of a method of the test class that makes each machine ready, <c>void M(FakeMachine vmm)</c>, after
    /// <see cref="Machine"/>; static or not. Null, the default, for none.
    /// </summary>
    public string? Configure { get => Options.Configure; set => Options.Configure = value; }

    /// <summary>
    /// How many pages the buffers of a case have together, 1 to 262,144; see <see cref="FakeCaseSize.MaxPages"/>.
    /// </summary>
    public int MaxPages { get => Options.MaxPages; set => Options.MaxPages = value; }

    /// <summary>How many calls a case has, 1 and more; see <see cref="FakeCaseSize.MaxCalls"/>.</summary>
    public int MaxCalls { get => Options.MaxCalls; set => Options.MaxCalls = value; }

    /// <summary>How many faults a plan has, 0 and more; see <see cref="FakeCaseSize.MaxFaults"/>.</summary>
    public int MaxFaults { get => Options.MaxFaults; set => Options.MaxFaults = value; }

    internal VmmPropertyOptions Options { get; } = new();
}
