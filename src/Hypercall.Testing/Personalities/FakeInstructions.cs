namespace Hypercall.Testing;

/// <summary>Instructions that every x86 CPU executes, and that some VMMs watch.</summary>
internal static class FakeInstructions
{
    private const byte OperandSize = 0x66; // prefix: AX instead of EAX

    // Intel SDM vol. 2A, CPUID, IN, and vol. 2B, OUT.
    private static readonly (byte[] Encoding, FakeExitKind Kind, int Width)[] All =
    [
        ([0x0F, 0xA2], FakeExitKind.Cpuid, 0),
        ([0xEC], FakeExitKind.In, 1),
        ([OperandSize, 0xED], FakeExitKind.In, 2),
        ([0xED], FakeExitKind.In, 4),
        ([0xEE], FakeExitKind.Out, 1),
        ([OperandSize, 0xEF], FakeExitKind.Out, 2),
        ([0xEF], FakeExitKind.Out, 4),
    ];

    public static HypercallInstruction Cpuid { get; } = new("CPUID", [0x0F, 0xA2]);

    /// <summary>IN EAX, DX.</summary>
    public static HypercallInstruction In { get; } = new("IN", [0xED]);

    /// <summary>OUT DX, EAX.</summary>
    public static HypercallInstruction Out { get; } = new("OUT", [0xEF]);

    /// <summary>What an instruction is: <see cref="FakeExitKind.Other"/> for one that is none of these.</summary>
    public static FakeExitKind KindOf(HypercallInstruction instruction) =>
        Find(instruction) is { } known ? known.Kind : FakeExitKind.Other;

    /// <summary>How many bytes an access to a port moves: 1, 2 or 4; 0 for what is none.</summary>
    public static int WidthOf(HypercallInstruction instruction) => Find(instruction)?.Width ?? 0;

    private static (byte[] Encoding, FakeExitKind Kind, int Width)? Find(HypercallInstruction instruction)
    {
        foreach ((byte[] Encoding, FakeExitKind Kind, int Width) one in All)
        {
            if (instruction.Encoding.Span.SequenceEqual(one.Encoding))
            {
                return one;
            }
        }

        return null;
    }
}
