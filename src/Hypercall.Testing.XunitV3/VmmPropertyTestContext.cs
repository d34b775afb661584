using System.Reflection;
using System.Runtime.ExceptionServices;
using FsCheck;
using FsCheck.Xunit;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Hypercall.Testing.Xunit;

/// <summary>What xunit does for any test; but the method is called many times.</summary>
internal sealed class VmmPropertyTestContext(
    VmmPropertyTestCase testCase,
    IXunitTest test,
    ExplicitOption explicitOption,
    IMessageBus messageBus,
    ExceptionAggregator aggregator,
    CancellationTokenSource cancellation,
    ParallelMode parallelMode,
    ExecutionScheduler scheduler,
    IReadOnlyCollection<IBeforeAfterTestAttribute> beforeAfterAttributes,
    object?[] constructorArguments,
    FixtureMappingManager fixtures)
    : XunitTestRunnerContext(
        test, explicitOption, messageBus, aggregator, cancellation, parallelMode, scheduler, beforeAfterAttributes,
        constructorArguments, fixtures)
{
    // FsCheck waits for tasks: not on a thread that xunit counts.
    public override ValueTask<TimeSpan> InvokeTest(object? testClassInstance) =>
        ExecutionTimer.MeasureAsync(() => Aggregator.RunAsync(() => new ValueTask(Task.Run(() => Check(testClassInstance)))));

    private void Check(object? instance)
    {
        TestOutputHelper output = (TestOutputHelper)TestContext.Current.TestOutputHelper!;
        VmmPropertyOptions options = Method.GetCustomAttribute<VmmPropertyAttribute>()!.Options;
        IXunitTestClass type = Test.TestMethod.TestClass;
        VmmPropertyCheck check = new(Method, instance, options, type.Methods, TestContext.Current.CancellationToken);
        Config config = testCase.Init(output);
        try
        {
            check.Run(config, () => ((XunitRunner)config.Runner).Result, output.WriteLine);
        }
        catch (VmmPropertyFailedException failure) when (failure.InnerException is { } cause && GetSkipReason(cause) is not null)
        {
            ExceptionDispatchInfo.Throw(cause); // Assert.Skip, in the property
        }
    }
}
