using System.CommandLine;

namespace Hypercall.Cli.CommandLine;

/// <summary>Guesses which word was meant.</summary>
internal static class Spelling
{
    private const int ShortestBeginning = 3;

    /// <summary>The question to append to an error: " Did you mean ...?", or nothing where no known word is close.</summary>
    /// <param name="word">What was typed.</param>
    /// <param name="known">The words that there are.</param>
    /// <param name="quote">What stands around the guess.</param>
    public static string Guess(string word, IEnumerable<string> known, string quote = "") =>
        Closest(word, known) is { } meant ? $" Did you mean {quote}{meant}{quote}?" : "";

    /// <summary>Says that a command has no such option, and which it has that is like it, or who else has it.</summary>
    public static string NoSuchOption(string word, Command command, IReadOnlyList<Command> commands)
    {
        string[] others =
        [
            .. commands
                .Where(other => other.Options.Any(option => option.Name == word))
                .Select(other => $"'hypercall {other.Name}'"),
        ];
        return $"'{word}' is no option of this command" + (others.Length == 0
            ? $".{Guess(word, command.Options.Select(option => option.Name))}"
            : $"; {string.Join(", ", others)} {(others.Length == 1 ? "has" : "have")} it.");
    }

    private static string? Closest(string word, IEnumerable<string> known)
    {
        string bare = word.TrimStart('-');
        (string? Word, int Distance) best = known
            .Select(candidate => (Word: (string?)candidate, Distance: Distance(bare, candidate.TrimStart('-'))))
            .OrderBy(candidate => candidate.Distance)
            .FirstOrDefault();
        return best.Word is not null && best.Distance <= Math.Max(1, bare.Length / 3) && best.Distance < bare.Length ? best.Word : null;
    }

    // Damerau and Levenshtein: how many letters are wrong, missing, too many or exchanged with their neighbour. The beginning of
    // a word is one mistake.
    private static int Distance(string word, string candidate)
    {
        if (word.Length >= ShortestBeginning && candidate.StartsWith(word, StringComparison.OrdinalIgnoreCase))
        {
            return word.Length == candidate.Length ? 0 : 1;
        }

        int[,] edits = new int[word.Length + 1, candidate.Length + 1];
        for (int i = 0; i <= word.Length; i++)
        {
            for (int j = 0; j <= candidate.Length; j++)
            {
                edits[i, j] = i == 0 || j == 0 ? i + j : Fewest(i, j);
            }
        }

        return edits[word.Length, candidate.Length];

        int Fewest(int i, int j)
        {
            int fewest = Math.Min(edits[i - 1, j] + 1, edits[i, j - 1] + 1);
            fewest = Math.Min(fewest, edits[i - 1, j - 1] + (Same(i, j) ? 0 : 1));
            return i > 1 && j > 1 && Same(i, j - 1) && Same(i - 1, j) ? Math.Min(fewest, edits[i - 2, j - 2] + 1) : fewest;
        }

        bool Same(int i, int j) => char.ToUpperInvariant(word[i - 1]) == char.ToUpperInvariant(candidate[j - 1]);
    }
}
