using Xunit.Sdk;
using Xunit.v3;

namespace Hypercall.Testing.Xunit;

/// <summary>
/// Runs the one test of a <see cref="VmmPropertyTestCase"/> as xunit would, in a context that calls it many times.
/// </summary>
internal sealed class VmmPropertyTestCaseContext(
    VmmPropertyTestCase testCase,
    IReadOnlyCollection<IXunitTest> tests,
    ExplicitOption explicitOption,
    IMessageBus messageBus,
    ExceptionAggregator aggregator,
    CancellationTokenSource cancellation,
    ParallelMode parallelMode,
    ExecutionScheduler scheduler,
    object?[] constructorArguments,
    FixtureMappingManager fixtures)
    : XunitTestCaseRunnerContext(
        testCase, tests, explicitOption, messageBus, aggregator, testCase.TestCaseDisplayName, testCase.SkipReason, cancellation,
        parallelMode, scheduler, constructorArguments, fixtures)
{
    public override async ValueTask<RunSummary> RunTest(IXunitTest test)
    {
        VmmPropertyTestContext context = new(
            (VmmPropertyTestCase)TestCase, test, ExplicitOption, MessageBus, Aggregator.Clone(), CancellationTokenSource,
            ParallelMode, Scheduler, BeforeAfterTestAttributes, ConstructorArguments, CaseFixtureMappings);
        await using (context.ConfigureAwait(false))
        {
            await context.InitializeAsync().ConfigureAwait(false);
            return await new Runner().RunIn(context).ConfigureAwait(false);
        }
    }

    private sealed class Runner : XunitTestRunnerBase<VmmPropertyTestContext, IXunitTest>
    {
        public ValueTask<RunSummary> RunIn(VmmPropertyTestContext context) => Run(context);
    }
}
