namespace Hypercall.Testing;

/// <summary>One rule of a VMM that a fake follows, and who says so.</summary>
public sealed class FakeVmmRule
{
    /// <summary>The source of a rule that nobody wrote down and nobody measured.</summary>
    public const string Assumed = "assumed";

    /// <summary>Writes a rule down.</summary>
    /// <param name="text">What the VMM does, in a sentence.</param>
    /// <param name="source">A file and a function of the VMM, a section of a manual, what was measured and where, or
    /// <see cref="Assumed"/>.</param>
    public FakeVmmRule(string text, string source)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        Text = text;
        Source = source;
    }

    /// <summary>What the VMM does.</summary>
    public string Text { get; }

    /// <summary>Who says so.</summary>
    public string Source { get; }

    /// <summary>Whether nobody does: a program should not rely on it.</summary>
    public bool IsAssumed => Source == Assumed;

    /// <summary>The rule and its source in one line.</summary>
    public override string ToString() => $"{Text} [{Source}]";
}
