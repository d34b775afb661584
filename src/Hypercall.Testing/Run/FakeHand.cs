namespace Hypercall.Testing;

/// <summary>What a step is about: an address, of which only the step knows the kind.</summary>
/// <param name="Kind">Which kind of address.</param>
/// <param name="Address">The address.</param>
internal readonly record struct FakeHand(FakeHandKind Kind, ulong Address)
{
    public static FakeHand Nothing => default;

    public static FakeHand Virtual(ulong address) => new(FakeHandKind.Virtual, address);

    public static FakeHand Physical(ulong address) => new(FakeHandKind.Physical, address);

    /// <summary>An argument register: whether it holds an address, and of which kind, only the function knows.</summary>
    public static FakeHand Argument(ulong word) => new(FakeHandKind.Argument, word);
}

/// <summary>Kinds of address.</summary>
internal enum FakeHandKind : byte
{
    Nothing,
    Virtual,
    Physical,
    Argument,
}
