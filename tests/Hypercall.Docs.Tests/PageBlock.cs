namespace Hypercall.Docs.Tests;

/// <summary>A fenced block of a page, or code that the page holds in an HTML comment so that its readers do not see it.</summary>
/// <param name="Language">The first word after the fence; empty when there is none.</param>
/// <param name="Mark">The second word after the fence; empty when there is none.</param>
/// <param name="Line">The line of the page, from 1, on which the text starts.</param>
/// <param name="Text">What is between the fences, each line ending in a line feed.</param>
internal sealed record PageBlock(string Language, string Mark, int Line, string Text);
