using System.Runtime.InteropServices;

namespace Hypercall.Native.Interop;

/// <summary>
/// A program or library in this process, as the dynamic loader knows it: dl_iterate_phdr(3). Unlike /proc/self/maps the loader tells names that stay
/// when a file is replaced on disk, and is there in every container.
/// </summary>
/// <param name="Start">Its first byte.</param>
/// <param name="End">The byte after its last one.</param>
/// <param name="Name">The name it was loaded by; empty for the program itself.</param>
internal sealed unsafe record LoadedModule(nint Start, nint End, string Name)
{
    private const uint Load = 1; // PT_LOAD; elf(5)

    /// <summary>All that are loaded now.</summary>
    public static IReadOnlyList<LoadedModule> All()
    {
        List<LoadedModule> modules = [];
        GCHandle handle = GCHandle.Alloc(modules);
        try
        {
            _ = Libc.IterateProgramHeaders(&Add, GCHandle.ToIntPtr(handle));
        }
        finally
        {
            handle.Free();
        }

        return modules;
    }

    /// <summary>The one that an address lies in; null for memory that belongs to none, such as code made at run time.</summary>
    /// <param name="address">The address.</param>
    public static LoadedModule? At(nint address) => All().FirstOrDefault(module => module.Contains(address));

    /// <summary>Whether an address lies in it.</summary>
    /// <param name="address">The address.</param>
    public bool Contains(nint address) => (nuint)address >= (nuint)Start && (nuint)address < (nuint)End;

    [UnmanagedCallersOnly]
    private static int Add(Libc.ProgramHeaders* info, nuint size, nint modules)
    {
        ulong start = ulong.MaxValue, end = 0;
        foreach (ref readonly Libc.ProgramHeader header in new ReadOnlySpan<Libc.ProgramHeader>(info->Headers, info->Count))
        {
            if (header.Type == Load)
            {
                start = Math.Min(start, info->Base + header.Address);
                end = Math.Max(end, info->Base + header.Address + header.MemorySize);
            }
        }

        if (start < end)
        {
            ((List<LoadedModule>)GCHandle.FromIntPtr(modules).Target!).Add(
                new LoadedModule((nint)start, (nint)end, Marshal.PtrToStringUTF8((nint)info->Name) ?? ""));
        }

        return 0;
    }
}
