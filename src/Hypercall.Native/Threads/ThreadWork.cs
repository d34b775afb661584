using System.Runtime.ExceptionServices;

namespace Hypercall.Native;

/// <summary>What is to be done on an <see cref="OwnThread"/>. One object serves any number of times, once at a time.</summary>
internal abstract class ThreadWork
{
    private ExceptionDispatchInfo? _error;

    /// <summary>Does it on the calling thread; what it throws waits for <see cref="ThrowIfFailed"/>.</summary>
    /// <param name="terms">What the thread has to have first.</param>
    /// <returns>Why it was not done; null when it was.</returns>
    public ChannelRefusal? Run(IThreadTerm[] terms)
    {
        try
        {
            foreach (IThreadTerm term in terms)
            {
                if (term.Meet() is { } refusal)
                {
                    return refusal;
                }
            }

            Do();
        }
        catch (Exception e) // all of it belongs to who asked
        {
            _error = ExceptionDispatchInfo.Capture(e);
        }

        return null;
    }

    /// <summary>Throws what the work threw, on the thread that asked for it.</summary>
    public void ThrowIfFailed()
    {
        if (_error is { } error)
        {
            _error = null;
            error.Throw();
        }
    }

    protected abstract void Do();
}
