using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

// Without these, `Run(async vmm => ...)` would be an async void that nobody awaits, and every property would hold.
public static partial class VmmCheck
{
    private const string UseRunAsync =
        "This property is asynchronous. Use `await VmmCheck.RunAsync(...)`, in a test that returns Task.";
    private const string UseTryRunAsync =
        "This property is asynchronous. Use `await VmmCheck.TryRunAsync(...)`, in a test that returns Task.";

    /// <summary>Does not compile: see <see cref="RunAsync(Func{FakeMachine, Task})"/>.</summary>
    /// <param name="property">A property that awaits something.</param>
    [Obsolete(UseRunAsync, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [DoesNotReturn]
    public static void Run(Func<FakeMachine, Task> property) => throw new NotSupportedException(UseRunAsync);

    /// <inheritdoc cref="Run(Func{FakeMachine, Task})"/>
    [Obsolete(UseRunAsync, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [DoesNotReturn]
    public static void Run(Func<FakeMachine, FakeCase, Task> property) => throw new NotSupportedException(UseRunAsync);

    /// <summary>Does not compile: see <see cref="RunAsync(Func{FakeMachine, Task}, VmmCheckOptions)"/>.</summary>
    /// <param name="property">A property that awaits something.</param>
    /// <param name="options">On which cases, and how many.</param>
    [Obsolete(UseRunAsync, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [DoesNotReturn]
    public static void Run(Func<FakeMachine, Task> property, VmmCheckOptions options) =>
        throw new NotSupportedException(UseRunAsync);

    /// <inheritdoc cref="Run(Func{FakeMachine, Task}, VmmCheckOptions)"/>
    [Obsolete(UseRunAsync, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [DoesNotReturn]
    public static void Run(Func<FakeMachine, FakeCase, Task> property, VmmCheckOptions options) =>
        throw new NotSupportedException(UseRunAsync);

    /// <summary>Does not compile: see <see cref="TryRunAsync(Func{FakeMachine, Task}, VmmCheckOptions)"/>.</summary>
    /// <param name="property">A property that awaits something.</param>
    /// <param name="options">On which cases, and how many.</param>
    [Obsolete(UseTryRunAsync, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [DoesNotReturn]
    public static VmmCheckResult TryRun(Func<FakeMachine, Task> property, VmmCheckOptions options) =>
        throw new NotSupportedException(UseTryRunAsync);

    /// <inheritdoc cref="TryRun(Func{FakeMachine, Task}, VmmCheckOptions)"/>
    [Obsolete(UseTryRunAsync, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [DoesNotReturn]
    public static VmmCheckResult TryRun(Func<FakeMachine, FakeCase, Task> property, VmmCheckOptions options) =>
        throw new NotSupportedException(UseTryRunAsync);
}
