using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>The process's signal actions, as sigaction(2) tells and changes them; tests have their own.</summary>
internal unsafe class SignalActions
{
    /// <summary>Reads the action of a signal.</summary>
    /// <returns>0, or an errno.</returns>
    public virtual int Read(int signal, out Libc.SignalActionRecord action)
    {
        fixed (Libc.SignalActionRecord* found = &action)
        {
            return Libc.SignalAction(signal, null, found) == 0 ? 0 : Libc.LastError;
        }
    }

    /// <summary>Replaces the action of a signal.</summary>
    /// <returns>0, or an errno.</returns>
    public virtual int Replace(int signal, Libc.SignalActionRecord action, out Libc.SignalActionRecord replaced)
    {
        fixed (Libc.SignalActionRecord* old = &replaced)
        {
            return Libc.SignalAction(signal, &action, old) == 0 ? 0 : Libc.LastError;
        }
    }
}
