using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>A program with one mistake, which works on a good day.</summary>
internal abstract class WrongClient
{
    /// <summary>What the smallest trace of the mistake has: pages of data, faults, and transfers.</summary>
    public virtual (int Pages, int Faults, int Calls) Smallest => (2, 1, 1);

    /// <summary>How many pages a case has at most: more where the mistake needs them.</summary>
    public virtual int MaxPages => 8;

    /// <summary>How large the first cases are, in percent: all where only large ones show the mistake.</summary>
    public virtual int StartSize => 1;

    /// <summary>Does one transfer, and claims success where it believes in it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="exchange">The VMM's functions, which are told of claims.</param>
    /// <param name="shape">The buffer to use.</param>
    /// <param name="direction">Which way the data goes.</param>
    public abstract void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction);

    protected static BitVisorClient Vmm(FakeMachine machine) => new(machine);

    /// <summary>The number of a function; 0 where the VMM does not answer: that is handled.</summary>
    protected static ulong NumberOf(FakeMachine machine, FakeExchange exchange, FakeTechnique technique)
    {
        VmmLookup lookup = Vmm(machine).TryGetFunction(exchange.NameOf(technique));
        return lookup.IsFound ? lookup.Function.Number : 0;
    }

    /// <summary>Calls without help: registers in, registers out.</summary>
    protected static (bool Completed, HypercallRegisters Registers) Call(FakeMachine machine, ulong number, ulong rbx, ulong rcx, Direction direction)
    {
        HypercallRegisters registers = new() { Rax = number, Rbx = rbx, Rcx = rcx, Rdx = (ulong)direction };
        return (machine.Channel.TryInvoke(ref registers).IsCompleted, registers);
    }

    /// <summary>Whether the ready handlers' answer says that all bytes are done.</summary>
    protected static bool IsDone((bool Completed, HypercallRegisters Registers) answer, ulong length) =>
        answer.Completed && answer.Registers is { Rax: 0 } && answer.Registers.Rcx == length && answer.Registers.Rdx == ~length;

    /// <summary>Fills a buffer with bytes that differ from each other.</summary>
    protected static byte[] Fill(GuestBuffer buffer)
    {
        Span<byte> bytes = buffer.Span;
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)((i * 37) ^ (i >> 8) ^ 0x5A);
        }

        return bytes.ToArray();
    }

    /// <summary>The frame of the first byte, as pagemap says it; null where the program may not know it.</summary>
    protected static GuestPhysicalAddress? Translate(FakeMachine machine, GuestVirtualAddress address) =>
        machine.Memory.TryQueryPages(address, 1, out GuestPageMap? pages, out _) && pages.Pages.Span[0].State == GuestPageState.Present
            ? new GuestPhysicalAddress(pages.Pages.Span[0].Frame.Address.Value + (ulong)address.PageOffset)
            : null;

    /// <summary>A buffer, or null where the machine does not give it: that is handled.</summary>
    protected static GuestBuffer? Allocate(FakeMachine machine, long length, Residency residency) =>
        machine.Memory.TryAllocate(length, new GuestBufferOptions { Residency = residency }, out GuestBuffer? buffer, out _) ? buffer : null;
}
