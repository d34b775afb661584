using System.ComponentModel;
using FsCheck.Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Hypercall.Testing.Xunit;

/// <summary>A test that <see cref="VmmPropertyAttribute"/> marks. For xunit.</summary>
/// <remarks>
/// FsCheck's own, for what it knows of the attributes; but run as xunit runs any test, so that whatever works in a [Fact] works
/// in it.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class VmmPropertyTestCase : PropertyTestCase, ISelfExecutingXunitTestCase
{
    /// <summary>For xunit, which reads the rest out of what it wrote.</summary>
    [Obsolete("Only xunit calls it.")]
    public VmmPropertyTestCase()
    {
    }

    internal VmmPropertyTestCase(
        IXunitTestMethod method,
        string displayName,
        string uniqueId,
        bool isExplicit,
        Type[]? skipExceptions,
        string? skipReason,
        Type? skipType,
        string? skipUnless,
        string? skipWhen,
        Dictionary<string, HashSet<string>> traits,
        string? file,
        int? line,
        int timeout)
        : base(
            method, displayName, uniqueId, isExplicit, skipExceptions, skipReason, skipType, skipUnless, skipWhen, traits, null, file,
            line, timeout)
    {
    }

    /// <inheritdoc/>
    async ValueTask<RunSummary> ISelfExecutingXunitTestCase.Run(
        ExplicitOption explicitOption,
        IMessageBus messageBus,
        object?[] constructorArguments,
        ExceptionAggregator aggregator,
        CancellationTokenSource cancellationTokenSource,
        ParallelMode parallelMode,
        ExecutionScheduler scheduler,
        FixtureMappingManager methodFixtureMappings)
    {
        IReadOnlyCollection<IXunitTest> tests = await aggregator.RunAsync(CreateTests, []).ConfigureAwait(false);
        VmmPropertyTestCaseContext context = new(
            this, tests, explicitOption, messageBus, aggregator, cancellationTokenSource, parallelMode, scheduler,
            constructorArguments, methodFixtureMappings);
        await using (context.ConfigureAwait(false))
        {
            await context.InitializeAsync().ConfigureAwait(false);
            return await new Runner().RunIn(context).ConfigureAwait(false);
        }
    }

    private sealed class Runner : XunitTestCaseRunnerBase<VmmPropertyTestCaseContext, IXunitTestCase, IXunitTest>
    {
        public ValueTask<RunSummary> RunIn(VmmPropertyTestCaseContext context) => Run(context);
    }
}
