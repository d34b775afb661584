using System.Globalization;
using System.Reflection;
using System.Text;

namespace Hypercall.Testing;

/// <summary>What a property is called with: a case, of which its machine is made, and the other arguments.</summary>
internal sealed class VmmPropertyArguments(ParameterInfo[] parameters, FakeCase one, object?[] others)
{
    public FakeCase Case => one;

    /// <summary>Null in the places of the machine and the case.</summary>
    public object?[] Others => others;

    public VmmPropertyArguments With(FakeCase simpler) => new(parameters, simpler, others);

    public VmmPropertyArguments With(int index, object? simpler)
    {
        object?[] copy = [.. others];
        copy[index] = simpler;
        return new VmmPropertyArguments(parameters, one, copy);
    }

    public object?[] For(FakeMachine vmm, FakeCase tried) =>
        [.. parameters.Select((parameter, i) => parameter.ParameterType == typeof(FakeMachine) ? vmm : parameter.ParameterType == typeof(FakeCase) ? tried : others[i])];

    /// <summary>One line for each parameter; FsCheck prints it, too.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        for (int i = 0; i < parameters.Length; i++)
        {
            Type type = parameters[i].ParameterType;
            string value = type == typeof(FakeMachine) ? one.Machine.ToCSharp() : type == typeof(FakeCase) ? one.ToCSharp() : Print(others[i]);
            _ = text.Append(CultureInfo.InvariantCulture, $"    {parameters[i].Name} = {value}").AppendLine();
        }

        return text.ToString();
    }

    private static string Print(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        System.Collections.IEnumerable items => $"[{string.Join(", ", items.Cast<object?>().Select(Print))}]",
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
