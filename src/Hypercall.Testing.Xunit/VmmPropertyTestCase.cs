using System.ComponentModel;
using FsCheck.Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Hypercall.Testing.Xunit;

/// <summary>A test that <see cref="VmmPropertyAttribute"/> marks. For xunit.</summary>
/// <remarks>
/// FsCheck's own, for what it knows of the attributes; but run as xunit runs any test, so that whatever works in a [Fact] works
/// in it.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class VmmPropertyTestCase : PropertyTestCase
{
    /// <summary>For xunit, which reads the rest out of what it wrote.</summary>
    [Obsolete("Only xunit calls it.")]
    public VmmPropertyTestCase()
    {
    }

    internal VmmPropertyTestCase(IMessageSink sink, TestMethodDisplay display, TestMethodDisplayOptions displayOptions, ITestMethod method)
        : base(sink, display, displayOptions, method, null)
    {
    }

    /// <inheritdoc/>
    public override Task<RunSummary> RunAsync(
        IMessageSink diagnosticMessageSink, IMessageBus messageBus, object[] constructorArguments, ExceptionAggregator aggregator, CancellationTokenSource cancellationTokenSource) =>
        new VmmPropertyTestCaseRunner(this, constructorArguments, messageBus, aggregator, cancellationTokenSource).RunAsync();
}
