using System.ComponentModel;
using Xunit.Sdk;
using Xunit.v3;

namespace Hypercall.Testing.Xunit;

/// <summary>Finds the tests that <see cref="VmmPropertyAttribute"/> marks. For xunit.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class VmmPropertyDiscoverer : IXunitTestCaseDiscoverer
{
    /// <inheritdoc/>
    public ValueTask<IReadOnlyCollection<IXunitTestCase>> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, IXunitTestMethod testMethod, IFactAttribute factAttribute)
    {
        ArgumentNullException.ThrowIfNull(testMethod);
        var details = TestIntrospectionHelper.GetTestCaseDetails(discoveryOptions, testMethod, factAttribute);
        Dictionary<string, HashSet<string>> traits = testMethod.Traits.ToDictionary(
            trait => trait.Key,
            trait => trait.Value.ToHashSet(StringComparer.OrdinalIgnoreCase),
            StringComparer.OrdinalIgnoreCase);
        return new([
            new VmmPropertyTestCase(
                details.ResolvedTestMethod,
                details.TestCaseDisplayName,
                details.UniqueID,
                details.Explicit,
                details.SkipExceptions,
                details.SkipReason,
                details.SkipType,
                details.SkipUnless,
                details.SkipWhen,
                traits,
                details.SourceFilePath,
                details.SourceLineNumber,
                details.Timeout),
        ]);
    }
}
