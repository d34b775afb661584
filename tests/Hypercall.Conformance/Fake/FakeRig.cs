using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Hypercall.Testing;

namespace Hypercall.Conformance.Fake;

/// <summary>The rig's functions (rig/ABI.md) on the fake machine, written against what a handler of it can do.</summary>
internal sealed class FakeRig
{
    private const ulong Refused = ulong.MaxValue;
    private const ulong Longest = 1ul << 30;
    private const ulong LongestText = 256;
    private const int ListHeader = 2 * sizeof(uint); // GPA_RANGE: u32 bytes, u32 offset into the first frame, then u64 frame numbers

    private readonly FakeMachine _fake;
    private readonly Lock _gate = new();
    private readonly RigStream[] _streams = new RigStream[16];
    private readonly (ulong Address, ulong Length)[] _held = new (ulong, ulong)[256];
    private readonly FakeRigShell _shell = new();
    private readonly PhysicalExtent _rom;
    private ulong _romPolicy;
    private ulong _romWrites;
    private ulong _calls;
    private ulong _statusMode;
    private int _statusGrowths;
    private (ulong Address, ulong Size, ulong Next) _ring;

    private FakeRig(FakeMachine fake)
    {
        _fake = fake;
        _rom = fake.Options.Rom[0];
        Array.Fill(_streams, RigStream.Empty);
    }

    private delegate bool Access(ulong address, Span<byte> bytes, out int done);

    public static void Register(FakeMachine fake)
    {
        FakeRig rig = new(fake);
        Dictionary<string, Action<FakeCall>> functions = new()
        {
            ["add"] = call => call.Rax = call.Rbx + call.Rcx + call.Rdx + call.Rsi + call.Rdi,
            ["mix"] = Mix,
            ["same"] = static _ => { },
            ["minus_one"] = static call => call.Rax = ulong.MaxValue,
            ["clobber"] = Clobber,
            [RigClient.ByPhysicalAddress] = rig.ByPhysicalAddress,
            [RigClient.ByList] = rig.ByList,
            [RigClient.ByVirtualAddress] = call => rig.ByVirtualAddress(call, GuestPage.Size),
            [RigClient.ByVirtualAddressBytewise] = call => rig.ByVirtualAddress(call, 1),
            ["stream_reset"] = rig.ResetStream,
            ["stream_read"] = rig.ReadStream,
            ["hold"] = rig.Hold,
            ["held_write"] = rig.WriteHeld,
            ["held_read"] = rig.ReadHeld,
            ["walk"] = rig.Walk,
            ["vmm_memory"] = rig.TellMemory,
            ["rom_policy"] = rig.SetRomPolicy,
            ["exits"] = call => call.Rax = rig._calls,
            ["get_status"] = rig.Status,
            ["status_mode"] = rig.SetStatusMode,
            ["dbgsh"] = call => call.Rax = rig._shell.Answer(call.Rbx),
            ["shell_mode"] = call => call.Rax = rig._shell.SetMode(call.Rbx),
            ["log_set_buf"] = static _ => { }, // the fake calls from CPL 3 only: refused
            ["log_set_buf_user"] = rig.SetRing,
            ["log_write"] = rig.WriteLog,
        };
        foreach ((string name, Action<FakeCall> function) in functions)
        {
            _ = fake.On(name, call =>
            {
                lock (rig._gate)
                {
                    rig._calls++;
                    function(call);
                }
            });
        }
    }

    private static void Mix(FakeCall call)
    {
        (call.Rbx, call.Rcx, call.Rdx, call.Rsi, call.Rdi) =
            (~call.Rbx, BitOperations.RotateLeft(call.Rcx, 13), call.Rdx ^ call.Rsi, call.Rdi, call.Rax);
        call.Rax = 0;
    }

    private static void Clobber(FakeCall call)
    {
        const ulong Mark = 0xC10B_0000_0000_0000;
        (call.Rbx, call.Rcx, call.Rdx, call.Rsi, call.Rdi, call.Rax) = (Mark + 1, Mark + 2, Mark + 3, Mark + 4, Mark + 5, 0);
    }

    private static bool TryReadArguments(FakeCall call, ulong mayBeSet, out Direction direction, out int stream)
    {
        direction = (Direction)(call.Rdx & 3);
        stream = (int)((call.Rsi >> 8) & 0xF);
        return direction != 0 && (call.Rdx & ~mayBeSet) == 0 && (call.Rdx & 0x30) != 0x30 && call.Rsi <= 0xFFF;
    }

    private void ByPhysicalAddress(FakeCall call) =>
        call.Rax = TryReadArguments(call, 3, out Direction direction, out int stream) && call.Rcx <= Longest
            ? Transfer(call.Rbx, call.Rcx, direction, (byte)call.Rsi, stream, GuestPage.Size, ReadPhysical(call), WritePhysical(call))
            : Refused;

    private void ByVirtualAddress(FakeCall call, int step)
    {
        if (!TryReadArguments(call, 0x33, out Direction direction, out int stream) || call.Rcx > Longest)
        {
            call.Rax = Refused;
            return;
        }

        AbsentPage policy = (AbsentPage)(call.Rdx >> 4);
        if (policy != AbsentPage.Stop && FirstAbsent(call, direction != Direction.ToVmm) is { } absent)
        {
            call.Rax = 0;
            if (policy == AbsentPage.Inject)
            {
                call.InjectPageFault(absent, direction != Direction.ToVmm);
            }

            return;
        }

        call.Rax = Transfer(
            call.Rbx,
            call.Rcx,
            direction,
            (byte)call.Rsi,
            stream,
            step,
            (ulong address, Span<byte> bytes, out int done) => call.TryReadVirtual(new GuestVirtualAddress(address), bytes, out done),
            (ulong address, Span<byte> bytes, out int done) => call.TryWriteVirtual(new GuestVirtualAddress(address), bytes, out done));
    }

    private static GuestVirtualAddress? FirstAbsent(FakeCall call, bool isWrite)
    {
        for (ulong done = 0; done < call.Rcx;)
        {
            GuestVirtualAddress at = new(unchecked(call.Rbx + done));
            if (!call.Walk(at, isWrite).IsPresent)
            {
                return at;
            }

            done += (ulong)(GuestPage.Size - at.PageOffset);
        }

        return null;
    }

    private void ByList(FakeCall call)
    {
        call.Rax = Refused;
        if (!TryReadArguments(call, 3, out Direction direction, out int stream)
            || call.Rcx is < ListHeader + sizeof(ulong) or > GuestPage.Size || call.Rcx % sizeof(ulong) != 0 || (call.Rbx % GuestPage.Size) + call.Rcx > GuestPage.Size)
        {
            return;
        }

        byte[] list = new byte[call.Rcx];
        if (!call.TryReadPhysical(new GuestPhysicalAddress(call.Rbx), list, out _))
        {
            return;
        }

        ulong length = BinaryPrimitives.ReadUInt32LittleEndian(list);
        ulong offset = BinaryPrimitives.ReadUInt32LittleEndian(list.AsSpan(sizeof(uint)));
        int frames = (list.Length - ListHeader) / sizeof(ulong);
        if (length == 0 || length > Longest || offset >= GuestPage.Size || GuestPage.Count(new GuestVirtualAddress(offset), (long)length) != frames)
        {
            return;
        }

        ulong done = 0;
        for (int frame = 0; frame < frames; frame++)
        {
            ulong inFrame = Math.Min(length - done, GuestPage.Size - offset);
            ulong address = (BinaryPrimitives.ReadUInt64LittleEndian(list.AsSpan(ListHeader + (frame * sizeof(ulong)))) << GuestPage.Shift) + offset;
            ulong handled = Transfer(address, inFrame, direction, (byte)call.Rsi, stream, GuestPage.Size, ReadPhysical(call), WritePhysical(call));
            done += handled;
            if (handled < inFrame)
            {
                break;
            }

            offset = 0;
        }

        call.Rax = done;
    }

    private ulong Transfer(ulong address, ulong length, Direction direction, byte key, int stream, int step, Access read, Access write)
    {
        Span<byte> bytes = stackalloc byte[GuestPage.Size];
        ulong done = 0;
        while (done < length)
        {
            ulong at = address + done;
            Span<byte> piece = bytes[..(int)Math.Min(Math.Min(length - done, (ulong)step), GuestPage.Size - (at % GuestPage.Size))];
            RigStream next = _streams[stream];
            if (direction != Direction.FromVmm && !read(at, piece, out _))
            {
                break;
            }

            next.Handle(piece, direction, key);
            if (direction != Direction.ToVmm && !write(at, piece, out _))
            {
                break;
            }

            _streams[stream] = next;
            done += (ulong)piece.Length;
        }

        return done;
    }

    private Access ReadPhysical(FakeCall call) => (ulong address, Span<byte> bytes, out int done) =>
    {
        if (IsRom(address))
        {
            bytes.Fill(0xFF); // what this VMM takes for ROM
            done = bytes.Length;
            return true;
        }

        return call.TryReadPhysical(new GuestPhysicalAddress(address), bytes, out done);
    };

    private Access WritePhysical(FakeCall call) => (ulong address, Span<byte> bytes, out int done) =>
    {
        if (IsRom(address))
        {
            _romWrites++;
            done = bytes.Length;
            return _romPolicy != 0 ? true : throw new InvalidOperationException($"VMM PANIC: write to ROM-faked memory at GPA 0x{address:x} by {call.Name}");
        }

        return call.TryWritePhysical(new GuestPhysicalAddress(address), bytes, out done);
    };

    private bool IsRom(ulong address) => address >= _rom.Start.Value && address - _rom.Start.Value < (ulong)_rom.Length;

    private void ResetStream(FakeCall call)
    {
        if (call.Rbx < (ulong)_streams.Length)
        {
            _streams[call.Rbx] = RigStream.Empty;
            call.Rax = 0;
        }
        else
        {
            call.Rax = Refused;
        }
    }

    private void ReadStream(FakeCall call)
    {
        if (call.Rbx < (ulong)_streams.Length)
        {
            RigStream stream = _streams[call.Rbx];
            (call.Rax, call.Rbx, call.Rcx) = (stream.Hash, stream.Position, stream.Sum);
        }
        else
        {
            call.Rax = Refused;
        }
    }

    private void Hold(FakeCall call)
    {
        if (call.Rdx >= (ulong)_held.Length || call.Rcx > Longest)
        {
            call.Rax = Refused;
            return;
        }

        _held[call.Rdx] = (call.Rbx, call.Rcx);
        call.Rax = 0;
    }

    private void WriteHeld(FakeCall call)
    {
        if (call.Rdx >= (ulong)_held.Length)
        {
            call.Rax = Refused;
            return;
        }

        (ulong address, ulong length) = _held[call.Rdx];
        RigStream counter = RigStream.Empty;
        byte[] bytes = new byte[length];
        counter.Handle(bytes, Direction.FromVmm, (byte)call.Rsi);
        ulong done = 0;
        while (done < length)
        {
            ulong at = address + done;
            Span<byte> piece = bytes.AsSpan((int)done, (int)Math.Min(length - done, GuestPage.Size - (at % GuestPage.Size)));
            if (!WritePhysical(call)(at, piece, out _))
            {
                break;
            }

            done += (ulong)piece.Length;
        }

        call.Rax = done;
    }

    private void ReadHeld(FakeCall call)
    {
        if (call.Rdx >= (ulong)_held.Length)
        {
            call.Rax = Refused;
            return;
        }

        (ulong address, ulong length) = _held[call.Rdx];
        byte[] bytes = new byte[length];
        _ = call.TryReadPhysical(new GuestPhysicalAddress(address), bytes, out int done);
        (call.Rax, call.Rcx) = (RigStream.HashOf(bytes.AsSpan(0, done)), (ulong)done);
    }

    private void Walk(FakeCall call)
    {
        const ulong PresentWritableUserNx = 0x8000_0000_0000_0007;
        GuestPage page = call.Rbx < 1ul << 47 && _fake.Memory.QueryPages(new GuestVirtualAddress(call.Rbx), 1) is var map ? map.Pages.Span[0] : default;
        if (page.State == GuestPageState.Present)
        {
            ulong address = page.Frame.Address.Value + (call.Rbx % GuestPage.Size);
            (call.Rax, call.Rbx, call.Rcx, call.Rdx, call.Rsi) = (1, address, PresentWritableUserNx, GuestPage.Size, 0);
        }
        else
        {
            (call.Rax, call.Rbx, call.Rcx, call.Rdx, call.Rsi) = (0, 0, 0, 0, 4); // #PF error code: U/S
        }
    }

    private void TellMemory(FakeCall call) => (call.Rax, call.Rbx, call.Rcx) = (0, _rom.Start.Value, (ulong)_rom.Length);

    private void SetRomPolicy(FakeCall call)
    {
        ulong old = _romPolicy;
        _romPolicy = call.Rbx <= 1 ? call.Rbx : old;
        (call.Rax, call.Rcx) = (old, _romWrites);
    }

    private void Status(FakeCall call)
    {
        if (_statusMode == 1)
        {
            return;
        }

        _statusGrowths += _statusMode == 2 && _statusGrowths < 3 ? 1 : 0; // a byte more each time
        byte[] text = Encoding.ASCII.GetBytes($"vmm: fake rig\ncalls: {_calls,20}\n" + new string('\n', _statusGrowths));
        bool fits = (ulong)text.Length <= call.Rcx;
        call.Rcx = (ulong)text.Length;
        call.Rax = fits && call.TryWriteVirtual(new GuestVirtualAddress(call.Rbx), text, out _) ? 0ul : 1;
    }

    private void SetStatusMode(FakeCall call)
    {
        ulong old = _statusMode;
        (_statusMode, _statusGrowths) = (call.Rbx, 0);
        call.Rax = old;
    }

    private void SetRing(FakeCall call) => _ring = call.Rcx > sizeof(uint) && call.Rbx % sizeof(uint) == 0 ? (call.Rbx, call.Rcx, 0ul) : default;

    private void WriteLog(FakeCall call)
    {
        if (call.Rcx > LongestText)
        {
            call.Rax = Refused;
            return;
        }

        byte[] text = new byte[call.Rcx];
        _ = call.TryReadVirtual(new GuestVirtualAddress(call.Rbx), text, out int length);
        call.Rax = (ulong)length;
        if (_ring.Size == 0)
        {
            return;
        }

        byte[] count = new byte[sizeof(uint)];
        ulong capacity = _ring.Size - sizeof(uint);
        foreach (byte b in text.AsSpan(0, length))
        {
            if (!call.TryReadPhysical(new GuestPhysicalAddress(_ring.Address), count, out _) || BinaryPrimitives.ReadUInt32LittleEndian(count) >= capacity
                || !call.TryWritePhysical(new GuestPhysicalAddress(_ring.Address + sizeof(uint) + _ring.Next), [b], out _))
            {
                return;
            }

            _ring.Next = (_ring.Next + 1) % capacity;
            BinaryPrimitives.WriteUInt32LittleEndian(count, BinaryPrimitives.ReadUInt32LittleEndian(count) + 1);
            _ = call.TryWritePhysical(new GuestPhysicalAddress(_ring.Address), count, out _);
        }
    }
}
