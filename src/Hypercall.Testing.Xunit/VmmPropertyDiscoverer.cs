using System.ComponentModel;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace Hypercall.Testing.Xunit;

/// <summary>Finds the tests that <see cref="VmmPropertyAttribute"/> marks. For xunit.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class VmmPropertyDiscoverer : IXunitTestCaseDiscoverer
{
    private readonly IMessageSink _sink;

    /// <summary>Makes it.</summary>
    /// <param name="diagnosticMessageSink">Where xunit wants to be told of problems.</param>
    public VmmPropertyDiscoverer(IMessageSink diagnosticMessageSink) => _sink = diagnosticMessageSink;

    /// <inheritdoc/>
    public IEnumerable<IXunitTestCase> Discover(ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute)
    {
        yield return new VmmPropertyTestCase(_sink, discoveryOptions.MethodDisplayOrDefault(), discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod);
    }
}
