namespace Hypercall.Cli.Tests.Terminal;

/// <summary>Scripts for sh that put a program at the end of a pipe: the program is <c>$0</c>, its arguments <c>$@</c>.</summary>
internal static class Pipes
{
    /// <summary>
    /// Standard output is a pipe whose reader is gone already: no race, as there is with <c>| true</c>. Ends with the program's
    /// exit code.
    /// </summary>
    public const string WithoutReader = """d=$(mktemp -d) && mkfifo "$d/p" && exec 4<>"$d/p" 5>"$d/p" 4<&-; rm -r "$d"; "$0" "$@" >&5""";
}
