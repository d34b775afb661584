using Hypercall.BitVisor;

namespace Hypercall.Conformance.Scenarios;

/// <summary>
/// Random frames and calls, which the VMM must survive. Nothing here lets it write but into a page of the program's own.
/// </summary>
internal static class StormScenarios
{
    private static readonly string[] Callable =
    [
        "add", "mix", "same", "minus_one", "clobber", RigClient.ByPhysicalAddress, RigClient.ByList, RigClient.ByVirtualAddress, RigClient.ByVirtualAddressBytewise,
        "stream_reset", "stream_read", "hold", "held_read", "walk", "vmm_memory", "exits", "get_status", "dbgsh", "log_write", "boot", "loadcfg", "loadcfg64",
    ];

    public static IEnumerable<Scenario> All { get; } =
    [
        new("storm: a hundred thousand random frames and calls", Needs.Rig | Needs.Frames | Needs.Pinning, Storm),
        new("storm: every number with random registers, where nothing can be written", Needs.Rig, Numbers),
    ];

    private static void Storm(ScenarioContext context)
    {
        context.Machine.AllowStrayReads();
        using GuestBuffer own = context.Fill(2 * GuestPage.Size);
        Check.That(own.TryQueryPages(out GuestPageMap? map, out _));
        ulong physical = map.Pages.Span[0].Frame.Address.Value;
        Dictionary<string, ulong> numbers = Callable.ToDictionary(name => name, name => context.Rig.Get(name).Number);
        HashSet<ulong> known = [.. RigClient.Names.Concat(["boot", "loadcfg", "loadcfg64"]).Select(name => context.Rig.Get(name).Number)];
        Random random = context.Random;
        int times = context.Repeat(100_000);
        int faults = 0;
        for (int i = 0; i < times; i++)
        {
            HypercallRegisters registers = Frames.Random(random);
            string? name = random.Next(10) == 0 ? null : Callable[random.Next(Callable.Length)];
            if (name is null)
            {
                registers.Rax = Unknown(random, known);
            }
            else
            {
                registers.Rax = numbers[name];
                Shape(ref registers, name, random, own.Address.Value, physical);
            }

            HypercallRegisters before = registers;
            HypercallStatus status = context.Channel.TryInvoke(ref registers);
            faults += status.IsCompleted ? 0 : 1;
            Check.That(status.IsCompleted || status.Fault.Kind is CpuFaultKind.PageFault or CpuFaultKind.GeneralProtection, $"call {i}, {name}: {status}");
            Frames.CheckUnchanged(
                before, registers, GeneralRegister.Rax, GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi);
        }

        for (ulong slot = 0; slot < 256; slot++)
        {
            _ = context.Rig.Call("hold", 0, 0, slot);
        }

        LeaveShell(context);
        Check.Equal(15ul, context.Rig.Call("add", 1, 2, 3, 4, 5), "afterwards");
        Check.Equal(VmmPresence.Present, context.Vmm.DetectPresence().Presence);
        context.Note($"{times} calls, {faults} of them ended in a fault that the VMM injected for an address that is nobody's");
    }

    private static ulong Unknown(Random random, HashSet<ulong> known)
    {
        while (true)
        {
            ulong number = (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64);
            if (number != 0 && !known.Contains(number))
            {
                return number;
            }
        }
    }

    /// <summary>Makes random arguments that reach deep into a function and still harm nobody.</summary>
    private static void Shape(ref HypercallRegisters registers, string name, Random random, ulong ownVirtual, ulong ownPhysical)
    {
        bool isPhysical = name is RigClient.ByPhysicalAddress or RigClient.ByList or "hold";
        ulong own = (isPhysical ? ownPhysical : ownVirtual) + (ulong)random.Next(GuestPage.Size);
        switch (name)
        {
            case RigClient.ByPhysicalAddress or RigClient.ByVirtualAddress or RigClient.ByVirtualAddressBytewise:
                registers.Rsi = random.Next(8) == 0 ? registers.Rsi : (ulong)random.Next(0x1000);
                bool mayWrite = random.Next(2) == 0;
                registers.Rbx = mayWrite ? own : Somewhere(random, own);
                registers.Rcx = mayWrite ? (ulong)random.Next(GuestPage.Size - (int)(own % GuestPage.Size)) : (ulong)random.Next(3 * GuestPage.Size);
                registers.Rdx = (random.Next(8) == 0 ? registers.Rdx & ~0x33ul : 0) | (mayWrite ? (ulong)random.Next(1, 4) : 1) | ((ulong)random.Next(3) << 4);
                break;
            case RigClient.ByList:
                registers.Rbx = Somewhere(random, own);
                registers.Rcx = random.Next(4) == 0 ? registers.Rcx : (ulong)random.Next(GuestPage.Size + 64) & ~7ul;
                registers.Rdx = (random.Next(8) == 0 ? registers.Rdx & ~3ul : 0) | 1; // a list of random bytes would let it write anywhere
                registers.Rsi &= 0xFFF;
                break;
            case "hold":
                registers.Rbx = Somewhere(random, own);
                registers.Rcx = (ulong)random.Next(2 * GuestPage.Size);
                registers.Rdx &= 0x1FF;
                break;
            case "held_read":
                registers.Rdx &= 0x1FF;
                break;
            case "get_status":
                registers.Rbx = random.Next(4) == 0 ? Nowhere.VirtualAddresses[random.Next(Nowhere.VirtualAddresses.Length)] : ownVirtual + (ulong)random.Next(64);
                registers.Rcx = (ulong)random.Next(GuestPage.Size);
                break;
            case "log_write":
                registers.Rcx = 0; // a hundred thousand lines on the serial port would be all that there is to see
                break;
            case "dbgsh":
                registers.Rbx = random.Next(4) switch { 0 => ulong.MaxValue, 1 => 0, 2 => (ulong)random.Next(0x200), _ => registers.Rbx };
                break;
            case "walk" when random.Next(2) == 0:
                registers.Rbx = own;
                break;
        }
    }

    private static ulong Somewhere(Random random, ulong own) => random.Next(4) switch
    {
        0 => own,
        1 => Nowhere.PhysicalAddresses[random.Next(Nowhere.PhysicalAddresses.Length)],
        2 => Nowhere.VirtualAddresses[random.Next(Nowhere.VirtualAddresses.Length)],
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64),
    };

    // Random keys leave the shell in the middle of a line, or of an answer that nobody took.
    private static void LeaveShell(ScenarioContext context)
    {
        using MemoryStream output = new();
        Check.Equal(VmmShellOutcome.Ended, new VmmShell(context.Vmm).Run(new MemoryStream("\nexit\nexit\n"u8.ToArray()), output));
    }

    private static void Numbers(ScenarioContext context)
    {
        HashSet<ulong> writers =
        [
            .. ((string[])[
                RigClient.ByPhysicalAddress, RigClient.ByList, RigClient.ByVirtualAddress, RigClient.ByVirtualAddressBytewise, "hold", "held_write", "rom_policy",
                "get_status", "status_mode", "shell_mode", "log_set_buf", "log_set_buf_user", "log_write", "dbgsh"]).Select(name => context.Rig.Get(name).Number),
        ];
        for (int round = 0; round < context.Repeat(10); round++)
        {
            for (ulong number = 1; number < 300; number++)
            {
                if (!writers.Contains(number))
                {
                    HypercallRegisters registers = Frames.Random(context.Random) with { Rax = number };
                    Check.That(context.Channel.TryInvoke(ref registers).IsCompleted, $"number {number}");
                }
            }
        }

        Check.Equal(3ul, context.Rig.Call("add", 1, 2), "afterwards");
    }
}
