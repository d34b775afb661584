using System.Diagnostics;
using System.Text;
using Hypercall.BitVisor;

namespace Hypercall.Conformance.Scenarios;

/// <summary>The rules of the ABI that need no function of the rig's: look-ups, numbers, registers.</summary>
internal static class AbiScenarios
{
    private const string EveryBuildHas = "loadcfg64";

    public static IEnumerable<Scenario> All { get; } =
    [
        new("abi: boot, loadcfg and loadcfg64 have numbers of 1 to 127, each its own", Needs.Vmm, BuildsHave),
        new("abi: the presence test finds the VMM", Needs.Vmm, IsPresent),
        new("abi: an impossible name is not found", Needs.Vmm, context => NotFound(context, "hypercall: no such function")),
        new("abi: get_vmmcall_number does not find itself", Needs.Vmm, context => NotFound(context, "get_vmmcall_number")),
        new("abi: the start of a name is not the name", Needs.Vmm, context => NotFound(context, EveryBuildHas[..^1])),
        new("abi: a name with more behind it is not the name", Needs.Vmm, context => NotFound(context, EveryBuildHas + "x")),
        new("abi: a name in another case is not the name", Needs.Vmm, context => NotFound(context, "Boot")),
        new("abi: a name with a blank before it is not the name", Needs.Vmm, context => NotFound(context, " boot")),
        new("abi: a name beyond ASCII is not found", Needs.Vmm, context => NotFound(context, "böot€")),
        new("abi: a name of 255 bytes is looked up, and not found", Needs.Vmm, context => NotFound(context, new string('n', BitVisorClient.MaxNameLength))),
        new("abi: an empty name is not found", Needs.Vmm, context => Check.Equal(0ul, LookUp(context, [0]))),
        new("abi: bytes without NUL in 256 are no name", Needs.Vmm, NoNul),
        new("abi: a NUL as the 256th byte ends a name, one later does not", Needs.Vmm, NulAtTheEnd),
        new("abi: what lies behind the NUL does not matter", Needs.Vmm, BehindTheNul),
        new("abi: a name is found across two pages, wherever it breaks", Needs.Vmm, AcrossPages),
        new("abi: a name that ends a page is found although the next page is absent", Needs.Vmm, BeforeAbsentPage),
        new("abi: a name that goes on in an absent page is not found", Needs.Vmm, IntoAbsentPage),
        new("abi: a name on an absent page is not found, and found after a touch", Needs.Vmm, OnAbsentPage),
        new("abi: a name on a swapped-out page is not found, and found after a touch", Needs.Vmm | Needs.Swap, OnSwappedPage),
        new("abi: a name on a read-only page is found", Needs.Vmm | Needs.Protection, OnReadOnlyPage),
        new("abi: a name at address 0, in a hole or at a non-canonical address is not found", Needs.Vmm, NowhereNames),
        new("abi: a look-up changes RAX only", Needs.Vmm, LookUpChangesRaxOnly),
        new("abi: a name has the same number each time", Needs.Vmm, StableNumbers),
        new("abi: an unknown number gives RAX = 0 and changes nothing else", Needs.Vmm, UnknownNumbers),
        new("abi: a number is all of RAX, not its low bits", Needs.Vmm, NumberIsAllOfRax),
        new("abi: boot after boot leaves RAX as it was", Needs.Vmm, BootRefuses),
        new("abi: the other vendor's instruction is a #UD that becomes a result", Needs.Vmm | Needs.OtherInstruction, OtherInstruction),
        new("abi: an undefined function is the typed error that names it", Needs.Vmm, TypedNotFound),
        new("abi: a 32-bit program calls", Needs.Rig | Needs.Program32, From32Bits),
        new("abi: the rig's functions all have numbers, each its own", Needs.Rig, RigNames),
        new("abi: ten thousand look-ups are all found", Needs.Vmm, ManyLookUps),
    ];

    private static ulong LookUp(ScenarioContext context, ReadOnlySpan<byte> bytes)
    {
        using GuestBuffer buffer = context.Allocate(GuestPage.Size);
        bytes.CopyTo(buffer.Span);
        return LookUpAt(context, buffer.Address.Value);
    }

    private static ulong LookUpAt(ScenarioContext context, ulong address)
    {
        HypercallRegisters registers = new() { Rbx = address };
        context.Channel.Invoke(ref registers);
        return registers.Rax;
    }

    private static byte[] Name(string name) => Encoding.UTF8.GetBytes(name + "\0");

    private static void BuildsHave(ScenarioContext context)
    {
        ulong[] numbers = [LookUp(context, Name("boot")), LookUp(context, Name("loadcfg")), LookUp(context, Name("loadcfg64"))];
        Check.That(numbers.All(number => number is >= 1 and <= BitVisorClient.MaxFunctionNumber), $"numbers {string.Join(", ", numbers)}");
        Check.Equal(3, numbers.Distinct().Count());
    }

    private static void IsPresent(ScenarioContext context)
    {
        VmmPresenceResult presence = context.Vmm.DetectPresence();
        Check.Equal(VmmPresence.Present, presence.Presence);
        Check.Equal(LookUp(context, Name("boot")), presence.Rax);
    }

    private static void NotFound(ScenarioContext context, string name)
    {
        Check.Equal(0ul, LookUp(context, Name(name)));
        Check.Equal(VmmLookupOutcome.NotFound, context.Vmm.TryGetFunction(name).Outcome);
    }

    private static void NoNul(ScenarioContext context)
    {
        byte[] bytes = new byte[GuestPage.Size];
        Array.Fill(bytes, (byte)'n');
        Check.Equal(0ul, LookUp(context, bytes));
    }

    // No build has a function of such a length, so both are 0: what shows is that neither does harm.
    private static void NulAtTheEnd(ScenarioContext context)
    {
        foreach (int length in (int[])[255, 256, 257])
        {
            byte[] bytes = new byte[1024];
            bytes.AsSpan(0, length).Fill((byte)'n');
            Check.Equal(0ul, LookUp(context, bytes), $"{length} bytes before the NUL");
        }
    }

    private static void BehindTheNul(ScenarioContext context)
    {
        byte[] bytes = new byte[1024];
        context.Random.NextBytes(bytes);
        Name(EveryBuildHas).CopyTo(bytes, 0);
        Check.Equal(LookUp(context, Name(EveryBuildHas)), LookUp(context, bytes));
    }

    private static void AcrossPages(ScenarioContext context)
    {
        ulong number = context.Vmm.GetFunction(EveryBuildHas).Number;
        byte[] name = Name(EveryBuildHas);
        using GuestBuffer buffer = context.Allocate(2 * GuestPage.Size);
        for (int before = 0; before <= name.Length; before++)
        {
            buffer.Span.Fill(0xEE);
            name.CopyTo(buffer.Span[(GuestPage.Size - before)..]);
            Check.Equal(number, LookUpAt(context, buffer.Address.Value + GuestPage.Size - (ulong)before), $"{before} bytes on the first page");
        }
    }

    private static void BeforeAbsentPage(ScenarioContext context)
    {
        byte[] name = Name(EveryBuildHas);
        using GuestBuffer buffer = context.Allocate(2 * GuestPage.Size, Residency.Touched);
        name.CopyTo(buffer.Span[(GuestPage.Size - name.Length)..]);
        context.Machine.MigratePage(buffer, 1);
        Check.Equal(context.Vmm.GetFunction(EveryBuildHas).Number, LookUpAt(context, buffer.Address.Value + GuestPage.Size - (ulong)name.Length));
    }

    private static void IntoAbsentPage(ScenarioContext context)
    {
        byte[] name = Name(EveryBuildHas);
        using GuestBuffer buffer = context.Allocate(2 * GuestPage.Size, Residency.Touched);
        for (int before = 1; before < name.Length; before++)
        {
            name.CopyTo(buffer.Span[(GuestPage.Size - before)..]);
            context.Machine.MigratePage(buffer, 1);
            Check.Equal(0ul, LookUpAt(context, buffer.Address.Value + GuestPage.Size - (ulong)before), $"{before} bytes on the first page");
        }
    }

    private static void OnAbsentPage(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Allocate(GuestPage.Size, Residency.Touched);
        Name(EveryBuildHas).CopyTo(buffer.Span);
        context.Machine.MigratePage(buffer, 0);
        Check.Equal(0ul, LookUpAt(context, buffer.Address.Value));
        Name(EveryBuildHas).CopyTo(buffer.Span);
        Check.Equal(context.Vmm.GetFunction(EveryBuildHas).Number, LookUpAt(context, buffer.Address.Value));
    }

    private static void OnSwappedPage(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Allocate(GuestPage.Size, Residency.Touched);
        Name(EveryBuildHas).CopyTo(buffer.Span);
        context.Machine.SwapOut(buffer, 0);
        Check.Equal(0ul, LookUpAt(context, buffer.Address.Value));
        buffer.Touch(); // its content is still the name
        Check.Equal(context.Vmm.GetFunction(EveryBuildHas).Number, LookUpAt(context, buffer.Address.Value));
    }

    private static void OnReadOnlyPage(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Allocate(GuestPage.Size, Residency.Touched);
        Name(EveryBuildHas).CopyTo(buffer.Span);
        context.Machine.Protect(buffer, 0, readOnly: true);
        ulong number = LookUpAt(context, buffer.Address.Value);
        context.Machine.Protect(buffer, 0, readOnly: false);
        Check.Equal(context.Vmm.GetFunction(EveryBuildHas).Number, number);
    }

    private static void NowhereNames(ScenarioContext context)
    {
        foreach (ulong address in Nowhere.VirtualAddresses)
        {
            Check.Equal(0ul, LookUpAt(context, address), $"a name at 0x{address:x}");
        }
    }

    private static void LookUpChangesRaxOnly(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Allocate(GuestPage.Size);
        foreach (string name in (string[])[EveryBuildHas, "no such"])
        {
            Name(name).CopyTo(buffer.Span);
            HypercallRegisters before = Frames.Random(context.Random) with { Rax = 0, Rbx = buffer.Address.Value };
            HypercallRegisters after = before;
            context.Channel.Invoke(ref after);
            Frames.CheckUnchanged(before, after, GeneralRegister.Rax);
        }
    }

    private static void StableNumbers(ScenarioContext context)
    {
        ulong number = LookUp(context, Name(EveryBuildHas));
        for (int i = 0; i < context.Repeat(100); i++)
        {
            Check.Equal(number, LookUp(context, Name(EveryBuildHas)));
        }
    }

    private static void UnknownNumbers(ScenarioContext context)
    {
        ulong[] numbers = [127, 126, 128, 129, 255, 256, 1000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1ul << 32, 1ul << 63, ulong.MaxValue - 1, ulong.MaxValue];
        foreach (ulong number in numbers)
        {
            HypercallRegisters before = Frames.Random(context.Random) with { Rax = number };
            HypercallRegisters after = before;
            context.Channel.Invoke(ref after);
            Check.Equal(0ul, after.Rax, $"number 0x{number:x}");
            Frames.CheckUnchanged(before, after, GeneralRegister.Rax);
        }
    }

    private static void NumberIsAllOfRax(ScenarioContext context)
    {
        ulong boot = context.Vmm.GetFunction("boot").Number;
        foreach (ulong number in (ulong[])[boot + 128, boot + 256, boot | (1ul << 16), boot | (1ul << 32), boot | (1ul << 63)])
        {
            HypercallRegisters registers = new() { Rax = number };
            context.Channel.Invoke(ref registers);
            Check.Equal(0ul, registers.Rax, $"number 0x{number:x}");
        }
    }

    private static void BootRefuses(ScenarioContext context)
    {
        foreach (string name in (string[])["boot", "loadcfg", "loadcfg64"])
        {
            HypercallResult result = context.Vmm.GetFunction(name).Call();
            Check.That(result.NumberCameBack, $"{name} after boot: RAX 0x{result.Rax:x}");
        }
    }

    private static void OtherInstruction(ScenarioContext context)
    {
        IHypercallChannel other = context.Machine.OpenOtherInstruction();
        for (int i = 0; i < context.Repeat(1000); i++)
        {
            HypercallRegisters registers = new() { Rax = 1 };
            HypercallStatus status = other.TryInvoke(ref registers);
            Check.Equal(CpuFaultKind.InvalidOpcode, status.Fault.Kind);
            Check.Equal(status.Fault.InstructionAddress, status.Fault.Address);
        }

        IsPresent(context);
    }

    private static void TypedNotFound(ScenarioContext context)
    {
        VmmFunctionNotFoundException error = Check.Throws<VmmFunctionNotFoundException>(() => context.Vmm.GetFunction("no_such_function"), "GetFunction");
        Check.Equal("no_such_function", error.Name);
    }

    private static void From32Bits(ScenarioContext context)
    {
        ProcessStartInfo start = new(Call32.Path!, [context.Machine.Hardware.Target.Way.ToLowerInvariant(), "add", "1", "20", "300", "4000", "50000"])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Check.Equal(0, process.ExitCode, output);
        Check.Equal($"number {context.Vmm.GetFunction("add").Number}\nrax 54321 rbx 1 rcx 20 rdx 300 rsi 4000 rdi 50000\n", output);
    }

    private static void RigNames(ScenarioContext context)
    {
        ulong[] numbers = [.. RigClient.Names.Select(name => context.Rig.Get(name).Number)];
        Check.Equal(numbers.Length, numbers.Distinct().Count());
    }

    private static void ManyLookUps(ScenarioContext context)
    {
        using GuestBuffer buffer = context.Allocate(GuestPage.Size);
        Name(EveryBuildHas).CopyTo(buffer.Span);
        ulong number = LookUpAt(context, buffer.Address.Value);
        for (int i = 0; i < context.Repeat(10_000); i++)
        {
            Check.Equal(number, LookUpAt(context, buffer.Address.Value));
        }
    }
}
