namespace Hypercall.Tests;

/// <summary>
/// How long a test waits at most for what must come. A test waits for an event, and never for the clock: these bounds only turn a
/// hang into a failure that says what was seen, so no machine may be slow enough to meet them. They stay below the hang limit of
/// <c>./test</c>, which can only name the test.
/// </summary>
internal static class LastResort
{
    /// <summary>For what takes a moment: an answer, the end of a process.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromMinutes(10);

    /// <summary>For what takes minutes where nothing else runs: publishing and packing.</summary>
    public static readonly TimeSpan Build = TimeSpan.FromMinutes(25);
}
