using System.Runtime.InteropServices;
using System.Text;

namespace Hypercall.Native.Interop;

/// <summary>
/// A program or library in this process, as the dynamic loader knows it: dl_iterate_phdr(3). Unlike /proc/self/maps the loader
/// tells names that stay when a file is replaced on disk, and is there in every container.
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
        // The loader holds its lock while it tells, so nothing is allocated meanwhile: a collection could wait for a thread that
        // waits for the lock.
        for (int room = 256; ; room *= 2)
        {
            Told told = new() { Room = room, NamesRoom = room * 128 };
            told.Ranges = (Range*)NativeMemory.Alloc((nuint)room, (nuint)sizeof(Range));
            told.Names = (byte*)NativeMemory.Alloc((nuint)told.NamesRoom);
            try
            {
                if (Libc.IterateProgramHeaders(&Add, (nint)(&told)) == 0)
                {
                    return Records(told);
                }
            }
            finally
            {
                NativeMemory.Free(told.Ranges);
                NativeMemory.Free(told.Names);
            }
        }
    }

    /// <summary>The one that an address lies in; null for memory that belongs to none, such as code made at run time.</summary>
    /// <param name="address">The address.</param>
    public static LoadedModule? At(nint address) => All().FirstOrDefault(module => module.Contains(address));

    /// <summary>Whether an address lies in it.</summary>
    /// <param name="address">The address.</param>
    public bool Contains(nint address) => (nuint)address >= (nuint)Start && (nuint)address < (nuint)End;

    [UnmanagedCallersOnly]
    private static int Add(Libc.ProgramHeaders* info, nuint size, nint data)
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

        if (start >= end)
        {
            return 0;
        }

        Told* told = (Told*)data;
        ReadOnlySpan<byte> name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(info->Name);
        if (told->Count == told->Room || name.Length > told->NamesRoom - told->NamesLength)
        {
            return 1; // ends it
        }

        // Copied: the library, and its name, may be gone before the records are made.
        name.CopyTo(new Span<byte>(told->Names + told->NamesLength, name.Length));
        ref Range range = ref told->Ranges[told->Count++];
        range = new Range { Start = (nint)start, End = (nint)end, Name = told->NamesLength, NameLength = name.Length };
        told->NamesLength += name.Length;
        return 0;
    }

    private static LoadedModule[] Records(in Told told)
    {
        LoadedModule[] modules = new LoadedModule[told.Count];
        for (int i = 0; i < modules.Length; i++)
        {
            Range range = told.Ranges[i];
            string name = Encoding.UTF8.GetString(told.Names + range.Name, range.NameLength);
            modules[i] = new LoadedModule(range.Start, range.End, name);
        }

        return modules;
    }

    private struct Range
    {
        public nint Start;
        public nint End;
        public int Name; // where it begins among the names
        public int NameLength;
    }

    private struct Told
    {
        public Range* Ranges;
        public int Room;
        public int Count;
        public byte* Names;
        public int NamesRoom;
        public int NamesLength;
    }
}
