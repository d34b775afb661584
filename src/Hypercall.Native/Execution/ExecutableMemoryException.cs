namespace Hypercall.Native;

/// <summary>
/// There is no executable memory for the stub: the system refuses to make any (a policy such as PR_SET_MDWE, SELinux or Windows'
/// arbitrary code guard), or this process has used up its own.
/// </summary>
public sealed class ExecutableMemoryException : HypercallException
{
    internal ExecutableMemoryException(string message, int errorCode)
        : base(message) => ErrorCode = errorCode;

    /// <summary>
    /// What the system said: errno on Linux, GetLastError on Windows; 0 when this process used up its own stub pages.
    /// </summary>
    public int ErrorCode { get; }

    /// <summary>False: a policy stays, and pages that this process used up are never freed.</summary>
    public override bool IsTransient => false;
}
