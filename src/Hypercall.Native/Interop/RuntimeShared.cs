using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Native.Interop;

/// <summary>
/// What all copies of this library in one runtime have in common. A plug-in host loads one into each AssemblyLoadContext, and
/// statics are each copy's own, but signal handlers and locked pages are the process's.
/// </summary>
/// <remarks>
/// <code>
///   copy in context A --+                                                     +-- type of the base class library
///                       +--  AppContext  "Hypercall.Native/NAME/VERSION"  --> | (Dictionary, array, object ...)
///   copy in context B --+                                                     +-- outlives every context
/// </code>
/// Only types of the base class library are the same to all copies, and only they keep no context alive: neither a type, nor a
/// delegate, nor a comparer of this library may be in such an object. Another runtime in this process (a NativeAOT library) has
/// an AppContext of its own.
/// </remarks>
internal static class RuntimeShared
{
    // The pool of interned strings is the runtime's, too: the one lock that exists before anything was shared.
    private static readonly string Gate = string.Intern("Hypercall.Native/RuntimeShared");

    /// <summary>Gives the object under a name, and makes it if this copy is the first to ask.</summary>
    /// <typeparam name="T">A type of the base class library, and so all that it holds.</typeparam>
    /// <param name="name">What it is.</param>
    /// <param name="version">Of the meaning of what is in it: copies that do not agree on it share nothing.</param>
    /// <param name="make">Makes it, once; if it throws, the next one to ask tries again.</param>
    [SuppressMessage("Reliability", "CA2002", Justification = "Weak identity, that is the same for all copies, is what is wanted.")]
    public static T GetOrAdd<T>(string name, int version, Func<T> make)
        where T : class
    {
        string key = $"Hypercall.Native/{name}/{version}";
        lock (Gate)
        {
            if (AppContext.GetData(key) is not { } found)
            {
                found = make();
                AppContext.SetData(key, found);
            }

            return (T)found;
        }
    }
}
