using System.Reflection;
using NSubstitute;
using Xunit.Sdk;

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
    public string? Failure => _messages.OfType<ITestFailed>().SingleOrDefault() is { } failed ? string.Join('\n', failed.Messages.Concat(failed.StackTraces)) : null;

    public string[] ExceptionTypes => _messages.OfType<ITestFailed>().SingleOrDefault()?.ExceptionTypes ?? [];

    public string Output => _messages.OfType<ITestFinished>().Single().Output;

    public static async Task<TestRun> Of<T>(string method)
    {
        TestMethod test = new(
            new TestClass(new TestCollection(new TestAssembly(Reflector.Wrap(typeof(T).Assembly)), null, "specimens"), Reflector.Wrap(typeof(T))),
            Reflector.Wrap(typeof(T).GetMethod(method, BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)!));
        ITestFrameworkDiscoveryOptions plain = Substitute.For<ITestFrameworkDiscoveryOptions>();
        _ = plain.GetValue<string?>(default!).ReturnsForAnyArgs((string?)null);
        IXunitTestCase found = new VmmPropertyDiscoverer(Substitute.For<IMessageSink>())
            .Discover(plain, test, Substitute.For<IAttributeInfo>())
            .Single();
        TestRun run = new();
        object[] arguments = typeof(T).GetConstructors().Single().GetParameters().Length == 0 ? [] : [(Func<TestOutputHelper>)(() => new TestOutputHelper())];
        using CancellationTokenSource cancellation = new();
        _ = await found.RunAsync(Substitute.For<IMessageSink>(), run, arguments, new ExceptionAggregator(), cancellation);
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
