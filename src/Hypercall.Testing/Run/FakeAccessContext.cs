namespace Hypercall.Testing;

/// <summary>What a step is about: an address, of which only the step knows the kind.</summary>
/// <param name="Kind">Which kind of address.</param>
/// <param name="Address">The address.</param>
internal readonly record struct FakeAccessContext(FakeAccessContextKind Kind, ulong Address)
{
    public static FakeAccessContext Nothing => default;

    public static FakeAccessContext Virtual(ulong address) => new(FakeAccessContextKind.Virtual, address);

    public static FakeAccessContext Physical(ulong address) => new(FakeAccessContextKind.Physical, address);

    /// <summary>An argument register: whether it holds an address, and of which kind, only the function knows.</summary>
    public static FakeAccessContext Argument(ulong word) => new(FakeAccessContextKind.Argument, word);
}

/// <summary>Kinds of address.</summary>
internal enum FakeAccessContextKind : byte
{
    Nothing,
    Virtual,
    Physical,
    Argument,
}
