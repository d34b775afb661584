namespace Hypercall.Native.Execution;

/// <summary>How an operating system gives executable pages that are never writable and executable at once.</summary>
internal abstract class CodePages
{
    public static CodePages Current { get; } = OperatingSystem.IsWindows() ? new WindowsCodePages() : new LinuxCodePages();

    /// <summary>Reserves addresses; nobody can read, write or execute them yet.</summary>
    public abstract nint Reserve(nuint length);

    /// <summary>Fills a page that was never used, and then makes it executable.</summary>
    public abstract void Publish(nint page, ReadOnlySpan<byte> code);

    protected static ExecutableMemoryException Refused(string what, int error, string remedy) => new(
        $"There is no executable memory for the hypercall stub: {what} failed with error {error} ({System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error)}). {remedy}",
        error);
}
