using Microsoft.Extensions.Logging;

namespace VmmWatch.Tests;

/// <summary>One line of a log.</summary>
/// <param name="Category">Who wrote it.</param>
/// <param name="Level">How grave it is.</param>
/// <param name="Event">Its number.</param>
/// <param name="Message">Its text.</param>
/// <param name="Scope">The innermost scope in which it was written; empty for none.</param>
internal sealed record LogRecord(string Category, LogLevel Level, int Event, string Message, string Scope);
