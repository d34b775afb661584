using System.Reflection;
using Xunit.Runner.Common;
using Xunit.Sdk;
using Xunit.v3;

namespace Hypercall.Testing.Xunit.Tests;

/// <summary>One test of a class that xunit does not find by itself, run as xunit would; and what it was told.</summary>
internal sealed class TestRun : IMessageBus
{
    private readonly List<IMessageSinkMessage> _messages = [];

    private TestRun()
    {
    }

    public bool Passed => _messages.OfType<ITestPassed>().Any();

    public string? SkipReason => _messages.OfType<ITestSkipped>().SingleOrDefault()?.Reason;

    /// <summary>What the test says that it failed with, and what that was caused by; null if it did not.</summary>
    public string? Failure =>
        _messages.OfType<ITestFailed>().SingleOrDefault() is { } failed
            ? string.Join('\n', failed.Messages.Concat(failed.StackTraces)) : null;

    public string?[] ExceptionTypes => _messages.OfType<ITestFailed>().SingleOrDefault()?.ExceptionTypes ?? [];

    public string Output => _messages.OfType<ITestFinished>().Single().Output;

    public static async Task<TestRun> Of<T>(string method)
    {
        MethodInfo found = typeof(T).GetMethod(method, BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)!;
        XunitTestAssembly assembly = new(typeof(T).Assembly, configFilePath: null, assemblyName: null);
        XunitTestClass type = new(typeof(T), new XunitTestCollection(assembly, null, false, "specimens"));
        XunitTestMethod testMethod = new(type, found, []);
        IXunitTestCase test = (await new VmmPropertyDiscoverer().Discover(
            TestFrameworkOptions.ForDiscovery(new TestAssemblyConfiguration()),
            testMethod,
            testMethod.FactAttributes.Single())).Single();
        TestRun run = new();
        object[] arguments = typeof(T).GetConstructors().Single().GetParameters().Length == 0
            ? [] : [(Func<ITestOutputHelper>)(() => TestContext.Current.TestOutputHelper!)];
        await using ExecutionScheduler scheduler = ExecutionScheduler.CreateUnlimited();
        await using FixtureMappingManager fixtures = new("specimens", (FixtureMappingManager?)null);
        using CancellationTokenSource cancellation = new();
        _ = await ((ISelfExecutingXunitTestCase)test).Run(
            ExplicitOption.Off, run, arguments, new ExceptionAggregator(), cancellation, ParallelMode.None, scheduler, fixtures);
        return run;
    }

    public bool QueueMessage(IMessageSinkMessage message)
    {
        lock (_messages)
        {
            _messages.Add(message);
        }

        return true;
    }

    public void Dispose()
    {
    }
}
