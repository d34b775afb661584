using Xunit.Sdk;

namespace Hypercall.Guest.Tests.Conformance;

/// <summary>A scenario as the argument of a test. Of a string, xunit would show the first fifty characters only.</summary>
public sealed class ScenarioName : IXunitSerializable
{
    /// <summary>For xunit, which then calls <see cref="Deserialize"/>.</summary>
    public ScenarioName()
        : this("")
    {
    }

    internal ScenarioName(string value) => Value = value;

    internal string Value { get; private set; }

    public void Deserialize(IXunitSerializationInfo info) => Value = info.GetValue<string>(nameof(Value)) ?? "";

    public void Serialize(IXunitSerializationInfo info) => info.AddValue(nameof(Value), Value);

    public override string ToString() => Value;
}
