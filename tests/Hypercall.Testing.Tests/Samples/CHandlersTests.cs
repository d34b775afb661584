using System.Diagnostics;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.Samples;

/// <summary>
/// What samples/handlers gives to VMM authors: against a model of its own, and against this library's transfers with the rule
/// that it names.
/// </summary>
public sealed class CHandlersTests
{
    // samples/handlers/README.md
    private static readonly TransferRule Rule = TransferRule.Create(
        "bytes in RAX, and RBX = ~RAX",
        (in HypercallRegisters after, long length) => after.Rbx == ~after.Rax && after.Rax <= (ulong)length
            ? TransferAnswer.Done((long)after.Rax)
            : TransferAnswer.Failed($"RAX is 0x{after.Rax:x}, RBX 0x{after.Rbx:x}: it refused the arguments, or did not run."));

    public static TheoryData<string, string> Techniques => new()
    {
        { "contiguous", nameof(Passing.Contiguous) },
        { "page", nameof(Passing.PageByPage) },
        { "list", nameof(Passing.FrameList) },
        { "virtual", nameof(Passing.Virtual) },
    };

    [Fact]
    public async Task Each_files_functions_do_what_a_model_does_byte_by_byte_with_hostile_arguments_too()
    {
        Assert.SkipWhen(CHandlers.WhyNot is not null, CHandlers.WhyNot ?? "");
        ProcessStartInfo start = new(Path.Combine(CHandlers.SourceRoot, "samples", "handlers", "check"), ["1", "20000"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process check = Process.Start(start)!;
        Task<string> errors = check.StandardError.ReadToEndAsync();
        string told = await check.StandardOutput.ReadToEndAsync();
        await check.WaitForExitAsync();
        Assert.True(check.ExitCode == 0, told + await errors);
        const string Good = "20000 calls agree with the model, seed 1";
        Assert.Equal(3, told.Split('\n').Count(line => line.EndsWith(Good, StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Techniques))]
    public void What_a_transfer_puts_into_the_VMM_a_transfer_gets_back(string name, string technique)
    {
        Assert.SkipWhen(CHandlers.WhyNot is not null, CHandlers.WhyNot ?? "");
        using CHandlers handlers = new();
        FakeMachine machine = new();
        handlers.Serve(machine);
        BitVisorClient vmm = new(machine);
        Contiguity contiguity = name == "contiguous" ? Contiguity.Contiguous : Contiguity.Any;
        foreach (int length in (int[])[1, 4095, 4096, 4097, 40_000, 600_000])
        {
            using GuestBuffer there = machine.Memory.Allocate(length, Residency.Pinned, contiguity);
            using GuestBuffer back = machine.Memory.Allocate(length, Residency.Pinned, contiguity);
            new Random(length).NextBytes(there.Span);
            TransferResult put = vmm.GetFunction($"hc_put_{name}").Transfer(there, PassingOf(technique), Direction.ToVmm, Rule);
            Assert.Equal(there.Span.ToArray(), handlers.Box);
            TransferResult got = vmm.GetFunction($"hc_get_{name}").Transfer(back, PassingOf(technique), Direction.FromVmm, Rule);
            Assert.Equal((length, length), (put.BytesDone, got.BytesDone));
            Assert.True(there.Span.SequenceEqual(back.Span));
            Assert.Empty(handlers.Box);
        }

        Assert.Equal(42ul, vmm.GetFunction("hc_add").Call(40, 2).Rax);
    }

    [Theory]
    [MemberData(nameof(Techniques))]
    public void A_VMM_that_has_no_more_to_give_stops_and_the_transfer_says_how_far_it_came(string name, string technique)
    {
        Assert.SkipWhen(CHandlers.WhyNot is not null, CHandlers.WhyNot ?? "");
        using CHandlers handlers = new();
        FakeMachine machine = new();
        handlers.Serve(machine);
        BitVisorClient vmm = new(machine);
        Contiguity contiguity = name == "contiguous" ? Contiguity.Contiguous : Contiguity.Any;
        using GuestBuffer buffer = machine.Memory.Allocate(40_000, Residency.Pinned, contiguity);
        buffer.Span.Fill(7);
        vmm.GetFunction($"hc_put_{name}").Transfer(buffer.Slice(0, 10_000), PassingOf(technique), Direction.ToVmm, Rule);
        buffer.Span.Fill(9);
        TransferResult result = vmm.GetFunction($"hc_get_{name}")
            .TryTransfer(buffer, PassingOf(technique), Direction.FromVmm, Rule);
        Assert.Equal((TransferOutcome.Incomplete, 10_000), (result.Outcome, result.BytesDone));
        Assert.Equal(10_000, buffer.Span.IndexOf((byte)9));
    }

    [Theory]
    [MemberData(nameof(Techniques))]
    public void Whatever_goes_wrong_the_VMM_has_what_the_transfer_says(string name, string technique)
    {
        Assert.SkipWhen(CHandlers.WhyNot is not null, CHandlers.WhyNot ?? "");
        using CHandlers handlers = new();
        int completed = 0, incomplete = 0;
        VmmCheck.Run(
            machine =>
            {
                handlers.Serve(machine);
                VmmLookup lookup = new BitVisorClient(machine).TryGetFunction($"hc_put_{name}");
                Contiguity contiguity = name == "contiguous" ? Contiguity.Contiguous : Contiguity.Any;

                // A walk and the use of what it found are two steps of the fake, and memory that is not pinned may move between
                // them. A real kernel waits there, until the CPU that is in the VMM has flushed its TLB.
                GuestBufferOptions options = new()
                {
                    Residency = Residency.Pinned,
                    Contiguity = contiguity,
                    AllowFallback = technique != nameof(Passing.Virtual),
                };
                if (!lookup.IsFound || !machine.Memory.TryAllocate(20_000, options, out GuestBuffer? buffer, out _))
                {
                    return;
                }

                using (buffer)
                {
                    new Random(1).NextBytes(buffer.Span);
                    byte[] sent = buffer.Span.ToArray();
                    TransferResult result = lookup.Function.TryTransfer(buffer, PassingOf(technique), Direction.ToVmm, Rule);
                    byte[] arrived = handlers.Box;
                    Assert.True(arrived.Length >= result.BytesDone);
                    if (result.Outcome is TransferOutcome.Completed or TransferOutcome.Incomplete)
                    {
                        Assert.Equal(result.BytesDone, arrived.Length);
                        Assert.Equal(sent[..arrived.Length], arrived);
                    }

                    completed += result.IsCompleted ? 1 : 0;
                    incomplete += result.Outcome == TransferOutcome.Incomplete ? 1 : 0;
                }
            },
            new VmmCheckOptions { Seed = 1, MaxTest = 300 });
        Assert.True(completed > 30, $"{completed} completed, {incomplete} incomplete");
    }

    private static Passing PassingOf(string technique) => technique switch
    {
        nameof(Passing.Contiguous) => Passing.Contiguous,
        nameof(Passing.PageByPage) => Passing.PageByPage,
        nameof(Passing.FrameList) => Passing.FrameList,
        _ => Passing.Virtual,
    };
}
