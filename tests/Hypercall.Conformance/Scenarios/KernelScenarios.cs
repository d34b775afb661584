using System.Text;
using Hypercall.BitVisor;
using Hypercall.Linux;

namespace Hypercall.Conformance.Scenarios;

/// <summary>The technique of the kernel's side: calls at CPL 0 and a contiguous buffer, through the kernel module.</summary>
internal static class KernelScenarios
{
    private const string Through = "kernel: ";

    public static IEnumerable<Scenario> All { get; } =
    [
        new(Through + "names are found from CPL 0, with the numbers of CPL 3", Needs.Vmm | Needs.Module, LookUp),
        new(Through + "all 15 registers go there and back from CPL 0", Needs.Rig | Needs.Module, Registers),
        new(Through + "\"abc\" goes in, \"foo\" comes out", Needs.Rig | Needs.Module, AbcFoo),
        new(Through + "a buffer of the kernel's is contiguous, and lies where the kernel says", Needs.Module | Needs.Frames, Contiguous),
        new(Through + "contiguous passing of up to 4 MiB of the kernel's memory, from CPL 3", Needs.Rig | Needs.Module | Needs.Frames, ContiguousFromUser),
        new(Through + "contiguous passing of up to 4 MiB of the kernel's memory, from CPL 0", Needs.Rig | Needs.Module | Needs.Frames, ContiguousFromKernel),
        new(Through + "the kernel's memory page by page, by list and by virtual address", Needs.Rig | Needs.Module | Needs.Frames, OtherTechniques),
        new(Through + "#PF injected at CPL 0 for an absent page of the program's is served", Needs.Rig | Needs.Module, InjectedAtCpl0),
        new(Through + "sizes that the module does not give are refused", Needs.Module, Sizes),
    ];

    private static void With(ScenarioContext context, long length, Action<KernelBuffer, BitVisorClient> check)
    {
        using KernelModule module = new();
        using KernelBuffer buffer = module.Memory.Allocate(length);
        check(buffer, module.Vmm);
    }

    private static void LookUp(ScenarioContext context)
    {
        using KernelModule module = new();
        BitVisorClient fromKernel = module.Vmm;
        Check.Equal(VmmPresence.Present, fromKernel.DetectPresence().Presence);
        foreach (string name in (string[])["boot", "loadcfg", "loadcfg64"])
        {
            Check.Equal(context.Vmm.GetFunction(name).Number, fromKernel.GetFunction(name).Number, name);
        }
    }

    private static void Registers(ScenarioContext context)
    {
        using KernelModule module = new();
        BitVisorClient fromKernel = module.Vmm;
        for (int i = 0; i < context.Repeat(1000); i++)
        {
            HypercallRegisters sent = Frames.Random(context.Random);
            sent.Rax = (ulong)context.Rig.Get("clobber").Number;
            HypercallRegisters received = sent;
            Check.Equal(HypercallStatus.Completed, module.Channel.TryInvoke(ref received));
            Frames.CheckUnchanged(
                in sent, in received, GeneralRegister.Rax, GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi);
            Check.Equal(0xC10B_0000_0000_0005ul, received.Rdi);
            ulong[] words = [.. Enumerable.Range(0, 5).Select(_ => (ulong)context.Random.NextInt64(long.MinValue, long.MaxValue))];
            Check.Equal(words[0] + words[1] + words[2] + words[3] + words[4], fromKernel.GetFunction("add").Call(words[0], words[1], words[2], words[3], words[4]).Rax);
            HypercallResult mixed = fromKernel.GetFunction("mix").Call(words[0], words[1], words[2], words[3], words[4]);
            Check.Equal((0ul, ~words[0], words[2] ^ words[3], words[4]), (mixed.Rax, mixed.Rbx, mixed.Rdx, mixed.Rsi));
        }
    }

    private static void AbcFoo(ScenarioContext context) => With(context, 3, (buffer, fromKernel) =>
    {
        "abc"u8.CopyTo(buffer.Span);
        HypercallFunction transfer = fromKernel.GetFunction(RigClient.ByPhysicalAddress);
        context.Rig.Reset();
        for (int i = 0; i < 3; i++)
        {
            byte key = (byte)("abc"[i] ^ "foo"[i]);
            Check.Equal(1ul, transfer.Call(buffer.PhysicalAddress.Value + (ulong)i, 1, RigClient.Operation(Direction.Both), RigClient.KeyAndStream(key, 0)).Rax);
        }

        Check.Equal(RigStream.HashOf("abc"u8), context.Rig.Read().Hash, "what went in");
        Check.Equal("foo", Encoding.ASCII.GetString(buffer.Span), "what came out");
    });

    private static void Contiguous(ScenarioContext context) => With(context, 4 << 20, (buffer, _) =>
    {
        GuestPageMap seen = context.Memory.QueryPages(buffer.Address, buffer.Length);
        Check.That(seen.TryGetPagedRange(out PagedRange? range, out GuestMemoryRefusal? refusal), refusal?.Message ?? "");
        Check.That(range.IsContiguous);
        Check.Equal(buffer.PhysicalAddress, range.Start);
    });

    private static void ContiguousFromUser(ScenarioContext context) => ContiguousPassing(context, _ => context.Vmm);

    private static void ContiguousFromKernel(ScenarioContext context) => ContiguousPassing(context, fromKernel => fromKernel);

    private static void ContiguousPassing(ScenarioContext context, Func<BitVisorClient, BitVisorClient> choose)
    {
        long[] lengths = context.IsSlow ? [1, 4095, 4097, 40_000, 1024L * 4096] : [1, 3, 4095, 4096, 4097, 40_000, 511L * 4096, 512L * 4096, 1024L * 4096];
        foreach (long length in lengths)
        {
            With(context, length, (buffer, fromKernel) =>
            {
                context.Random.NextBytes(buffer.Span);
                foreach (Direction direction in (Direction[])[Direction.ToVmm, Direction.FromVmm, Direction.Both])
                {
                    HandOver(context, choose(fromKernel), buffer, Passing.Contiguous, direction);
                }
            });
        }
    }

    private static void HandOver(ScenarioContext context, BitVisorClient vmm, KernelBuffer buffer, Passing passing, Direction direction)
    {
        byte[] expected = buffer.Span.ToArray();
        RigStream model = RigStream.Empty;
        model.Handle(expected, direction, 0x4D);
        context.Rig.Reset();
        TransferResult result = vmm.GetFunction(RigClient.FunctionFor(passing)).TryTransfer(buffer, passing, direction, RigClient.Rule, RigClient.Options(direction, 0x4D));
        Check.Equal(TransferOutcome.Completed, result.Outcome, $"{buffer.Length} bytes, {passing}, {direction}: {result.Message}");
        Check.Equal(model, context.Rig.Read(), $"{buffer.Length} bytes, {passing}, {direction}: what the VMM saw");
        Check.Bytes(expected, buffer.Span, $"{buffer.Length} bytes, {passing}, {direction}");
    }

    private static void OtherTechniques(ScenarioContext context) => With(context, 40_000, (buffer, fromKernel) =>
    {
        context.Random.NextBytes(buffer.Span);
        foreach (BitVisorClient vmm in (BitVisorClient[])[context.Vmm, fromKernel])
        {
            foreach (Passing passing in (Passing[])[Passing.PageByPage, Passing.FrameList, Passing.Virtual])
            {
                HandOver(context, vmm, buffer, passing, Direction.Both);
            }
        }
    });

    private static void InjectedAtCpl0(ScenarioContext context)
    {
        using KernelModule module = new();
        BitVisorClient fromKernel = module.Vmm;
        foreach (Direction direction in (Direction[])[Direction.ToVmm, Direction.FromVmm, Direction.Both])
        {
            using GuestBuffer buffer = context.Fill(4 * GuestPage.Size, Residency.Touched);
            context.Machine.MigratePage(buffer, 1);
            context.Machine.MigratePage(buffer, 3);
            byte[] expected = new byte[buffer.Length];
            buffer.Span[..GuestPage.Size].CopyTo(expected);
            buffer.Span.Slice(2 * GuestPage.Size, GuestPage.Size).CopyTo(expected.AsSpan(2 * GuestPage.Size));
            RigStream model = RigStream.Empty;
            model.Handle(expected, direction, 0x4D);
            context.Rig.Reset();
            ulong done = fromKernel.GetFunction(RigClient.ByVirtualAddress).Call(
                buffer.Address.Value, (ulong)buffer.Length, RigClient.Operation(direction, AbsentPage.Inject), RigClient.KeyAndStream(0x4D, 0)).Rax;
            Check.Equal((ulong)buffer.Length, done, $"{direction}");
            Check.Equal(model, context.Rig.Read(), $"{direction}: what the VMM saw");
            Check.Bytes(expected, buffer.Span, $"{direction}");
        }
    }

    private static void Sizes(ScenarioContext context)
    {
        using KernelModule module = new();
        foreach (long length in (long[])[(4 << 20) + 1, long.MaxValue])
        {
            Check.That(!module.Memory.TryAllocate(length, kept: false, out _, out GuestMemoryRefusal? refusal), $"{length} bytes");
            Check.Equal(GuestMemoryRefusalReason.NotContiguous, refusal.Reason);
            Check.Equal(4L << 20, refusal.Limit);
        }

        using KernelBuffer one = module.Memory.Allocate(1);
        using KernelBuffer all = module.Memory.Allocate(4 << 20);
        context.Note($"buffers {one.Id} and {all.Id}");
    }
}
