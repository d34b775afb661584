using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

/// <summary>
/// Tries a program on many fake machines, on each of which other things go wrong at other injection points, and makes the first
/// one that breaks it as simple as it gets. For any test framework, or none.
/// </summary>
/// <remarks>
/// <para>
/// A property fails if it throws, or if the machine saw what destroys a real one (<see cref="FakeMachine.Failure"/>), even where
/// the program swallowed the exception. Then faults are removed, then pages, then calls, and the faults that are left move to
/// earlier injection points, as long as it fails in the same way. The exception tells what happened in the smallest case, step by
/// step, and the C# that tries it again.
/// </para>
/// <para>A property is tried on one machine after another, each made for it alone; checks that run at the same time do not know
/// of each other.</para>
/// </remarks>
/// <example>
/// <code>
/// VmmCheck.Run(vmm =>
/// {
///     Agent agent = new(new BitVisorClient(vmm), vmm.Memory);
///     agent.SendLines(lines);                                  // may refuse, must not lie
/// }, new VmmCheckOptions { Configure = vmm => vmm.On("log", Log), MaxTest = 1000 });
/// </code>
/// </example>
public static partial class VmmCheck
{
    /// <summary>Tries a property.</summary>
    /// <param name="property">Throws if it does not hold.</param>
    /// <exception cref="VmmCheckFailedException">It does not hold.</exception>
    /// <exception cref="InvalidOperationException">It wants too few of the cases.</exception>
    public static void Run(Action<FakeMachine> property) => Run(property, VmmCheckOptions.Default);

    /// <inheritdoc cref="Run(Action{FakeMachine})"/>
    public static void Run(Action<FakeMachine, FakeCase> property) => Run(property, VmmCheckOptions.Default);

    /// <summary>Tries a property that awaits something.</summary>
    /// <param name="property">Throws if it does not hold.</param>
    /// <returns>The check. Await it, or return it: a test that drops it sees a failure only where the property never had to
    /// wait for anything, for that is thrown at once.</returns>
    /// <exception cref="VmmCheckFailedException">It does not hold.</exception>
    /// <exception cref="InvalidOperationException">It wants too few of the cases.</exception>
    public static Task RunAsync(Func<FakeMachine, Task> property) => RunAsync(property, VmmCheckOptions.Default);

    /// <inheritdoc cref="RunAsync(Func{FakeMachine, Task})"/>
    public static Task RunAsync(Func<FakeMachine, FakeCase, Task> property) => RunAsync(property, VmmCheckOptions.Default);

    /// <summary>Tries a property.</summary>
    /// <param name="property">Throws if it does not hold.</param>
    /// <param name="options">On which cases, and how many.</param>
    /// <exception cref="VmmCheckFailedException">It does not hold.</exception>
    /// <exception cref="InvalidOperationException">It wants too few of the cases.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number in the options is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The check was cancelled.</exception>
    public static void Run(Action<FakeMachine> property, VmmCheckOptions options) => Throw(TryRun(property, options));

    /// <inheritdoc cref="Run(Action{FakeMachine}, VmmCheckOptions)"/>
    public static void Run(Action<FakeMachine, FakeCase> property, VmmCheckOptions options) => Throw(TryRun(property, options));

    /// <summary>Tries a property that awaits something.</summary>
    /// <param name="property">Throws if it does not hold.</param>
    /// <param name="options">On which cases, and how many.</param>
    /// <returns>The check. Await it, or return it: a test that drops it sees a failure only where the property never had to
    /// wait for anything, for that is thrown at once.</returns>
    /// <exception cref="VmmCheckFailedException">It does not hold.</exception>
    /// <exception cref="InvalidOperationException">It wants too few of the cases.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number in the options is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The check was cancelled.</exception>
    public static Task RunAsync(Func<FakeMachine, Task> property, VmmCheckOptions options) =>
        Throw(TryRunAsync(property, options));

    /// <inheritdoc cref="RunAsync(Func{FakeMachine, Task}, VmmCheckOptions)"/>
    public static Task RunAsync(Func<FakeMachine, FakeCase, Task> property, VmmCheckOptions options) =>
        Throw(TryRunAsync(property, options));

    /// <summary>Tries a property, and says what was found.</summary>
    /// <param name="property">Throws if it does not hold.</param>
    /// <param name="options">On which cases, and how many.</param>
    /// <returns>Whether it holds, and over what.</returns>
    /// <exception cref="InvalidOperationException">It wants too few of the cases.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number in the options is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The check was cancelled.</exception>
    public static VmmCheckResult TryRun(Action<FakeMachine> property, VmmCheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(property);
        return TryRun((vmm, _) => property(vmm), options);
    }

    /// <inheritdoc cref="TryRun(Action{FakeMachine}, VmmCheckOptions)"/>
    public static VmmCheckResult TryRun(Action<FakeMachine, FakeCase> property, VmmCheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(property);
        Task<VmmCheckResult> check = TryRunAsync(
            (vmm, tried) =>
            {
                property(vmm, tried);
                return Task.CompletedTask;
            },
            options);
        return check.GetAwaiter().GetResult(); // nothing in it waits
    }

    /// <summary>Tries a property that awaits something, and says what was found.</summary>
    /// <inheritdoc cref="TryRun(Action{FakeMachine}, VmmCheckOptions)"/>
    public static Task<VmmCheckResult> TryRunAsync(Func<FakeMachine, Task> property, VmmCheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(property);
        return TryRunAsync((vmm, _) => property(vmm), options);
    }

    /// <inheritdoc cref="TryRunAsync(Func{FakeMachine, Task}, VmmCheckOptions)"/>
    public static Task<VmmCheckResult> TryRunAsync(Func<FakeMachine, FakeCase, Task> property, VmmCheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(property);
        ArgumentNullException.ThrowIfNull(options);
        return new VmmChecker(property, options).Check();
    }

    /// <summary>Says, in a property, that it does not want this case: it counts neither as held nor as failed.</summary>
    /// <exception cref="VmmCheckDiscardException">Always.</exception>
    [DoesNotReturn]
    public static void Discard() => throw new VmmCheckDiscardException();

    /// <summary>Says, in a property, that it does not want this case unless something holds.</summary>
    /// <param name="isWanted">What must hold.</param>
    /// <exception cref="VmmCheckDiscardException">It does not.</exception>
    public static void DiscardUnless([DoesNotReturnIf(false)] bool isWanted)
    {
        if (!isWanted)
        {
            Discard();
        }
    }

    /// <summary>
    /// Counts, in a property, the case under a label: <see cref="VmmCheckResult.Labels"/> tells how the cases were distributed.
    /// Outside of a check it does nothing.
    /// </summary>
    /// <param name="label">The label; once for each case.</param>
    public static void Classify(string label)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(label);
        VmmTrial.Current?.Classify(label);
    }

    // A check that is over has its failure thrown here and now: a test that drops the task sees it all the same.
    private static Task Throw(Task<VmmCheckResult> check)
    {
        if (!check.IsCompleted)
        {
            return Later(check);
        }

        Throw(check.GetAwaiter().GetResult());
        return Task.CompletedTask;

        static async Task Later(Task<VmmCheckResult> check) => Throw(await check.ConfigureAwait(false));
    }

    private static void Throw(VmmCheckResult result)
    {
        if (result.Failure is { } failure)
        {
            throw failure;
        }

        if (result.Cases == 0)
        {
            throw new InvalidOperationException("The property did not want the case that it was given (VmmCheckOptions.Replay), so it was not tried.");
        }
    }
}
