using System.Runtime.InteropServices;
using Hypercall.Native.Interop;
using Microsoft.Win32.SafeHandles;

namespace Hypercall.Native;

/// <summary>
/// One io_uring that never does I/O: a table of registered buffers, each of which pins its pages for as long as it stands there.
/// </summary>
/// <remarks>
/// <code>
///   slot:    0         1         2       ...  16383
///         [ buffer ][ buffer ][ empty ]  ...          a buffer is 1 byte to 1 GiB
/// </code>
/// The table is registered empty once (a second registration of a whole table gives EBUSY) and updated slot by slot; writing an
/// empty buffer into a slot unpins what was there. io_uring_register(2), linux/io_uring.h.
/// </remarks>
#pragma warning disable CA1001 // The handle closes itself when neither a table nor a buffer has the ring any more.
internal sealed unsafe class PinRing
#pragma warning restore CA1001
{
    public const int Slots = 16_384;                  // IORING_MAX_REG_BUFFERS, io_uring/rsrc.c
    public const nuint MaxBufferLength = 1 << 30;     // SZ_1G, io_uring/rsrc.c

    private const uint SetupDisabled = 1 << 6;        // IORING_SETUP_R_DISABLED: nobody can ever submit to it
    private const uint RegisterBuffers2 = 15;         // IORING_REGISTER_BUFFERS2, Linux 5.13
    private const uint RegisterBuffersUpdate = 16;    // IORING_REGISTER_BUFFERS_UPDATE, Linux 5.13
    private const int ParametersLength = 120;         // sizeof(struct io_uring_params)
    private const int ParametersFlags = 8;            // offsetof(struct io_uring_params, flags)

    private readonly SafeFileHandle _file;
    private readonly Stack<int> _free = new(Enumerable.Range(0, Slots).Reverse());

    private PinRing(int file, ulong openedWith)
    {
        _file = new SafeFileHandle(file, ownsHandle: file > 0); // 0 is what a filter gives that answers success in the kernel's place: LinuxMemory.Close
        OpenedWith = openedWith;
    }

    /// <summary>
    /// The capabilities that it was opened with. A ring of CAP_IPC_LOCK is bound by no RLIMIT_MEMLOCK, whoever uses it:
    /// io_uring_create(), io_uring/io_uring.c.
    /// </summary>
    public ulong OpenedWith { get; }

    /// <param name="openedWith">The capabilities of this thread.</param>
    /// <param name="failure">Why there is none.</param>
    /// <returns>The ring, or null and why.</returns>
    public static PinRing? TryCreate(ulong openedWith, out PinFailure failure)
    {
        byte* parameters = stackalloc byte[ParametersLength];
        new Span<byte>(parameters, ParametersLength).Clear();
        *(uint*)(parameters + ParametersFlags) = SetupDisabled;
        int file;
        Attempts attempts = default;
        while ((file = LinuxMemory.IoUringSetup(1, parameters)) < 0) // always close-on-exec
        {
            failure = new PinFailure(LinuxCall.RingSetup, Libc.LastError);
            if (!attempts.Another(failure.Error))
            {
                return null;
            }
        }

        // Empty vectors make the table sparse from Linux 5.13 on; the flag for it came with 5.19.
        void* empty = NativeMemory.AllocZeroed(Slots, (nuint)sizeof(Libc.IoVector));
        int error = Register(file, empty);
        bool isTrue = error == 0 && Register(file, empty) == Errno.EBUSY; // who answers success in the kernel's place does so again
        NativeMemory.Free(empty);
        PinRing ring = new(file, openedWith);
        if (error != 0 || !isTrue || ring.Set(Slots, 0, 0) == 0) // there is no such slot
        {
            failure = new PinFailure(error != 0 || !isTrue ? LinuxCall.RingRegister : LinuxCall.RingUpdate, error);
            ring.Close();
            return null;
        }

        failure = default;
        return ring;
    }

    /// <summary>
    /// Takes an empty slot. Until it is given back, the descriptor stays open, whoever closes the ring, or is finalized.
    /// </summary>
    /// <returns>The slot; null when none is empty.</returns>
    public int? TryTakeSlot()
    {
        lock (_free)
        {
            if (_free.Count == 0)
            {
                return null;
            }

            bool taken = false;
            _file.DangerousAddRef(ref taken);
            return _free.Pop();
        }
    }

    /// <summary>Empties a slot, and gives it back.</summary>
    /// <param name="slot">The slot.</param>
    public void GiveBack(int slot)
    {
        _ = Set(slot, 0, 0); // failing, it leaves the frames pinned and the slot good for use: the next buffer in it takes their place
        lock (_free)
        {
            _free.Push(slot);
        }

        _file.DangerousRelease();
    }

    /// <summary>Closes the ring when its last slot is given back.</summary>
    public void Close() => _file.Dispose();

    /// <returns>0, or the error.</returns>
    public int Set(int slot, nuint start, nuint length)
    {
        Libc.IoVector vector = new() { Base = (void*)start, Length = length };
        ResourceUpdate update = new() { Offset = (uint)slot, Data = (ulong)&vector, Count = 1 };
        Attempts attempts = default;
        while (LinuxMemory.IoUringRegister((int)_file.DangerousGetHandle(), RegisterBuffersUpdate, &update, (uint)sizeof(ResourceUpdate)) < 0)
        {
            int error = Libc.LastError;
            if (!attempts.Another(error))
            {
                return error;
            }
        }

        return 0;
    }

    private static int Register(int file, void* vectors)
    {
        ResourceRegister register = new() { Count = Slots, Data = (ulong)vectors };
        Attempts attempts = default;
        while (LinuxMemory.IoUringRegister(file, RegisterBuffers2, &register, (uint)sizeof(ResourceRegister)) < 0)
        {
            int error = Libc.LastError;
            if (!attempts.Another(error))
            {
                return error;
            }
        }

        return 0;
    }

#pragma warning disable CS0649 // reserved fields stay zero
    // struct io_uring_rsrc_register, linux/io_uring.h: nr 0, flags 4, resv2 8, data 16, tags 24
    private struct ResourceRegister
    {
        public uint Count;
        public uint Flags;
        public ulong Reserved;
        public ulong Data;
        public ulong Tags;
    }

    // struct io_uring_rsrc_update2, linux/io_uring.h: offset 0, resv 4, data 8, tags 16, nr 24, resv2 28
    private struct ResourceUpdate
    {
        public uint Offset;
        public uint Reserved;
        public ulong Data;
        public ulong Tags;
        public uint Count;
        public uint Reserved2;
    }
#pragma warning restore CS0649
}
