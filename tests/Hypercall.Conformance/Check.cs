using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Hypercall.Conformance;

/// <summary>Says that something holds, and if it does not, what was expected and what came.</summary>
internal static class Check
{
    public static void That([DoesNotReturnIf(false)] bool holds, string message = "", [CallerArgumentExpression(nameof(holds))] string expression = "")
    {
        if (!holds)
        {
            throw new ScenarioFailedException(message.Length == 0 ? $"This does not hold: {expression}" : message);
        }
    }

    public static void Equal<T>(T expected, T actual, string what = "", [CallerArgumentExpression(nameof(actual))] string expression = "")
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new ScenarioFailedException($"{(what.Length == 0 ? expression : $"{what}: {expression}")} is {Show(actual)}, and should be {Show(expected)}.");
        }
    }

    /// <summary>Compares bytes, and says where the first difference is.</summary>
    /// <param name="expected">What they should be.</param>
    /// <param name="actual">What they are.</param>
    /// <param name="what">Which bytes.</param>
    public static void Bytes(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what)
    {
        Equal(expected.Length, actual.Length, what);
        int same = expected.CommonPrefixLength(actual);
        if (same < expected.Length)
        {
            int wrong = 0;
            for (int i = same; i < expected.Length; i++)
            {
                wrong += expected[i] == actual[i] ? 0 : 1;
            }

            throw new ScenarioFailedException(
                $"{what}: byte {same} of {expected.Length} is 0x{actual[same]:x2}, and should be 0x{expected[same]:x2}; {wrong} bytes are wrong in all.");
        }
    }

    public static T Throws<T>(Action action, string what)
        where T : Exception
    {
        try
        {
            action();
        }
        catch (T expected)
        {
            return expected;
        }

        throw new ScenarioFailedException($"{what}: it did not throw {typeof(T).Name}.");
    }

    private static string Show<T>(T value) => value switch
    {
        ulong number => $"0x{number:x}",
        string text => $"'{text}'",
        null => "null",
        _ => $"{value}",
    };
}
