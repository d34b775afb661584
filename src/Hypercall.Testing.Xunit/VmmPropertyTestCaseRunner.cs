using System.Reflection;
using FsCheck;
using FsCheck.Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Hypercall.Testing.Xunit;

/// <summary>Runs one property: xunit's runner of a test, with an invoker that calls the method many times.</summary>
internal sealed class VmmPropertyTestCaseRunner(
    VmmPropertyTestCase testCase, object[] constructorArguments, IMessageBus messageBus, ExceptionAggregator aggregator, CancellationTokenSource cancellation)
    : XunitTestCaseRunner(testCase, testCase.DisplayName, testCase.SkipReason, constructorArguments, null, messageBus, aggregator, cancellation)
{
    protected override XunitTestRunner CreateTestRunner(
        ITest test,
        IMessageBus messageBus,
        Type testClass,
        object[] constructorArguments,
        MethodInfo testMethod,
        object[] testMethodArguments,
        string skipReason,
        IReadOnlyList<BeforeAfterTestAttribute> beforeAfterAttributes,
        ExceptionAggregator aggregator,
        CancellationTokenSource cancellationTokenSource) =>
        new Runner(test, messageBus, testClass, constructorArguments, testMethod, skipReason, beforeAfterAttributes, new ExceptionAggregator(aggregator), cancellationTokenSource);

    private sealed class Runner(
        ITest test,
        IMessageBus messageBus,
        Type testClass,
        object[] constructorArguments,
        MethodInfo testMethod,
        string skipReason,
        IReadOnlyList<BeforeAfterTestAttribute> beforeAfterAttributes,
        ExceptionAggregator aggregator,
        CancellationTokenSource cancellation)
        : XunitTestRunner(test, messageBus, testClass, constructorArguments, testMethod, null, skipReason, beforeAfterAttributes, aggregator, cancellation)
    {
        private readonly TestOutputHelper _output = new(); // beside the one that the class may have

        protected override async Task<Tuple<decimal, string>> InvokeTestAsync(ExceptionAggregator aggregator)
        {
            _output.Initialize(MessageBus, Test);
            (decimal time, string written) = await base.InvokeTestAsync(aggregator).ConfigureAwait(false);
            written += _output.Output;
            _output.Uninitialize();
            return Tuple.Create(time, written);
        }

        protected override Task<decimal> InvokeTestMethodAsync(ExceptionAggregator aggregator) =>
            new Invoker(Test, MessageBus, TestClass, ConstructorArguments, TestMethod, BeforeAfterAttributes, aggregator, CancellationTokenSource, _output).RunAsync();
    }

    private sealed class Invoker(
        ITest test,
        IMessageBus messageBus,
        Type testClass,
        object[] constructorArguments,
        MethodInfo testMethod,
        IReadOnlyList<BeforeAfterTestAttribute> beforeAfterAttributes,
        ExceptionAggregator aggregator,
        CancellationTokenSource cancellation,
        TestOutputHelper output)
        : XunitTestInvoker(test, messageBus, testClass, constructorArguments, testMethod, null, beforeAfterAttributes, aggregator, cancellation)
    {
        protected override async Task<decimal> InvokeTestMethodAsync(object testClassInstance)
        {
            await Aggregator.RunAsync(() => Timer.AggregateAsync(() =>
            {
                VmmPropertyTestCase test = (VmmPropertyTestCase)TestCase;
                VmmPropertyOptions options = TestMethod.GetCustomAttribute<VmmPropertyAttribute>()!.Options;
                IEnumerable<MethodInfo> methods = test.TestMethod.TestClass.Class.GetMethods(includePrivateMethods: true)
                    .Select(candidate => candidate.ToRuntimeMethod());
                VmmPropertyCheck check = new(TestMethod, testClassInstance, options, methods, CancellationTokenSource.Token);
                Config config = test.Init(output);

                // FsCheck waits for tasks: not on a thread that xunit counts.
                return Task.Run(() => check.Run(config, () => ((XunitRunner)config.Runner).Result, output.WriteLine));
            })).ConfigureAwait(false);
            return Timer.Total;
        }
    }
}
