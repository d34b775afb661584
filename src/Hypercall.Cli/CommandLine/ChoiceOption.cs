using System.CommandLine;

namespace Hypercall.Cli.CommandLine;

/// <summary>
/// An option that takes one of a few words, each of which stands for a value; null only for an option that is not given.
/// </summary>
internal sealed class ChoiceOption<T> : Option<T?>
{
    public ChoiceOption(string name, string description, T? defaultValue, params (string Word, T Value)[] choices)
        : base(name)
    {
        string words = string.Join('|', choices.Select(choice => choice.Word));
        Description = description;
        HelpName = words;
        Default = defaultValue;
        CompletionSources.Add([.. choices.Select(choice => choice.Word)]);
        CustomParser = result =>
        {
            string word = result.Tokens[0].Value;
            foreach ((string candidate, T value) in choices)
            {
                if (candidate.Equals(word, StringComparison.OrdinalIgnoreCase))
                {
                    return value;
                }
            }

            result.AddError($"{name}: '{word}' is none of {words}.");
            return default;
        };
    }

    /// <summary>
    /// What holds when it is not given. The description says it: System.CommandLine would print the value's name in the code.
    /// </summary>
    public T? Default { get; }
}
