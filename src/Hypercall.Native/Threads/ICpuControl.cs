namespace Hypercall.Native;

/// <summary>The guest's CPUs, as its kernel shares them out.</summary>
internal interface ICpuControl
{
    /// <summary>The CPU under the calling thread; -1 where the kernel does not say.</summary>
    int Current { get; }

    /// <summary>A list of CPUs, such as <c>0-3,8</c>; null where the kernel does not say.</summary>
    /// <param name="name"><c>online</c> or <c>present</c>: Linux, Documentation/admin-guide/cputopology.rst.</param>
    string? List(string name);

    /// <summary>Whether this process may run on a CPU (its affinity within its cpuset); null where the kernel does not
    /// say.</summary>
    /// <param name="cpu">The CPU.</param>
    bool? Allows(int cpu);

    /// <summary>Lets the calling thread run on one CPU, and on no other.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <returns>0, or the errno.</returns>
    int Bind(int cpu);
}
