using System.Numerics;

namespace Hypercall.Conformance.Scenarios;

/// <summary>The technique "registers": five words in, five out.</summary>
internal static class RegisterScenarios
{
    private static readonly ulong[] Words = [0, 1, 0x7F, 0x80, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, ulong.MaxValue];

    public static IEnumerable<Scenario> All { get; } =
    [
        new("registers: five words arrive whole", Needs.Rig, FiveWords),
        new("registers: random words arrive whole, ten thousand times", Needs.Rig | Needs.Instruction, RandomWords),
        new("registers: results come back in all five", Needs.Rig | Needs.Instruction, Mix),
        new("registers: R8 to R15 and RBP are nobody's but the caller's", Needs.Rig | Needs.Instruction, OtherRegisters),
        new("registers: a function that writes nothing gives everything back, RAX too", Needs.Rig | Needs.Instruction, Same),
        new("registers: minus one is a result like any other", Needs.Rig, MinusOne),
        new("registers: a function may write all that the ABI allows", Needs.Rig, Clobber),
        new("registers: a transfer of words goes to the VMM and back", Needs.Rig, TransferOfWords),
    ];

    private static void FiveWords(ScenarioContext context)
    {
        HypercallFunction add = context.Rig.Get("add");
        foreach (ulong word in Words)
        {
            Check.Equal(word, add.Call(word).Rax);
            Check.Equal(word, add.Call(0, word).Rax);
            Check.Equal(word, add.Call(0, 0, word).Rax);
            Check.Equal(word, add.Call(0, 0, 0, word).Rax);
            Check.Equal(word, add.Call(0, 0, 0, 0, word).Rax);
        }

        Check.Equal(54321ul, add.Call(1, 20, 300, 4000, 50000).Rax);
        Check.Equal(unchecked(ulong.MaxValue * 5), add.Call(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue).Rax, "the sum wraps");
    }

    private static void RandomWords(ScenarioContext context)
    {
        HypercallFunction add = context.Rig.Get("add");
        for (int i = 0; i < context.Repeat(10_000); i++)
        {
            HypercallRegisters before = Frames.Random(context.Random);
            HypercallRegisters after = before;
            add.Call(ref after);
            Check.Equal(before.Rbx + before.Rcx + before.Rdx + before.Rsi + before.Rdi, after.Rax);
            Frames.CheckUnchanged(before, after, GeneralRegister.Rax);
        }
    }

    private static void Mix(ScenarioContext context)
    {
        HypercallFunction mix = context.Rig.Get("mix");
        for (int i = 0; i < context.Repeat(1000); i++)
        {
            HypercallRegisters before = Frames.Random(context.Random);
            HypercallRegisters after = before;
            mix.Call(ref after);
            Check.Equal(0ul, after.Rax);
            Check.Equal(~before.Rbx, after.Rbx);
            Check.Equal(BitOperations.RotateLeft(before.Rcx, 13), after.Rcx);
            Check.Equal(before.Rdx ^ before.Rsi, after.Rdx);
            Check.Equal(before.Rdi, after.Rsi);
            Check.Equal(mix.Number, after.Rdi);
        }
    }

    private static void OtherRegisters(ScenarioContext context)
    {
        foreach (string name in (string[])["mix", "clobber", "add", "same", "minus_one"])
        {
            HypercallRegisters before = Frames.Random(context.Random);
            HypercallRegisters after = before;
            context.Rig.Get(name).Call(ref after);
            Frames.CheckUnchanged(
                before, after, GeneralRegister.Rax, GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi);
        }
    }

    private static void Same(ScenarioContext context)
    {
        HypercallFunction same = context.Rig.Get("same");
        HypercallRegisters before = Frames.Random(context.Random);
        HypercallRegisters after = before;
        same.Call(ref after);
        Check.Equal(same.Number, after.Rax);
        Frames.CheckUnchanged(before, after, GeneralRegister.Rax);
        Check.That(same.Call(1, 2, 3, 4, 5).NumberCameBack);
    }

    private static void MinusOne(ScenarioContext context)
    {
        Check.That(context.Rig.Get("minus_one").TryCall(out HypercallResult result).IsCompleted);
        Check.Equal(ulong.MaxValue, result.Rax);
    }

    private static void Clobber(ScenarioContext context)
    {
        const ulong Mark = 0xC10B_0000_0000_0000;
        HypercallResult result = context.Rig.Get("clobber").Call(1, 2, 3, 4, 5);
        HypercallRegisters registers = result.Registers;
        Check.Equal(0ul, result.Value);
        ulong[] words = [.. result.Convention.Arguments.Select(argument => argument.Read(in registers))];
        Check.That(words is [Mark + 1, Mark + 2, Mark + 3, Mark + 4, Mark + 5], $"words back: {string.Join(", ", words)}");
    }

    private static void TransferOfWords(ScenarioContext context)
    {
        ulong[] words = [1, 2, 3, 4, 5];
        TransferResult sent = context.Rig.Get("add").Transfer(words, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Check.Equal(TransferOutcome.Completed, sent.Outcome);
        Check.Equal(15ul, sent.Registers.Rax);
        Check.That(words is [1, 2, 3, 4, 5], "words that only go to the VMM stay");

        _ = context.Rig.Get("mix").Transfer(words, Direction.Both, TransferRule.CompletedMeansAll);
        ulong[] mixed = [~1ul, 2ul << 13, 3 ^ 4, 5, context.Rig.Get("mix").Number];
        Check.That(words.AsSpan().SequenceEqual(mixed), $"words back: {string.Join(", ", words)}");
    }
}
