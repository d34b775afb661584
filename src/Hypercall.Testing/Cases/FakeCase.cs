namespace Hypercall.Testing;

/// <summary>
/// Something to try a program on: a machine, its faults, buffers, and calls. A program that has buffers and calls of its own uses
/// the machine alone.
/// </summary>
/// <param name="Machine">The machine, with its plan of faults.</param>
/// <param name="Buffers">The buffers; a generated case has at least one.</param>
/// <param name="Calls">What is done with them, in this order; a generated case has at least one.</param>
public sealed record FakeCase(FakeMachineOptions Machine, IReadOnlyList<FakeBufferShape> Buffers, IReadOnlyList<FakeCallShape> Calls)
{
    /// <summary>How many pages the buffers have together.</summary>
    public int Pages => Buffers.Sum(FakeCaseShrinker.PagesOf);

    /// <summary>
    /// Makes a case from a number: the same one for the same number, size and machine, on every computer and runtime.
    /// </summary>
    /// <param name="seed">Any number.</param>
    /// <param name="size">How large it may be; null for the defaults.</param>
    /// <param name="machine">The machine as far as it is given: settings that differ from their defaults stay as they are, its
    /// plan too. Null for any machine.</param>
    public static FakeCase Generate(ulong seed, FakeCaseSize? size = null, FakeMachineOptions? machine = null) =>
        new FakeCaseGenerator(new FakeRandom(seed), size ?? FakeCaseSize.Default, machine ?? FakeMachineOptions.Plain).Case();

    /// <summary>
    /// The cases that are one step simpler than this one, the greatest steps first: faults are removed, then pages, then calls;
    /// then faults move to earlier injection points and become simpler, calls and buffers plain, and the machine's settings their
    /// defaults, one by one. However it goes on from there, it comes to an end.
    /// </summary>
    /// <param name="machine">What was given when the case was generated, and stays; null for nothing.</param>
    public IEnumerable<FakeCase> Shrink(FakeMachineOptions? machine = null) => FakeCaseShrinker.Shrink(this, machine ?? FakeMachineOptions.Plain);

    /// <summary>The C# expression that makes this case, for <see cref="VmmCheckOptions.Replay"/>.</summary>
    public string ToCSharp() =>
        $"new FakeCase({Machine.OptionsToCSharp()}, [{string.Join(", ", Buffers.Select(buffer => buffer.ToCSharp()))}], [{string.Join(", ", Calls.Select(call => call.ToCSharp()))}])";

    /// <summary>Whether both try the same.</summary>
    /// <param name="other">The other case.</param>
    public bool Equals(FakeCase? other) =>
        other is not null && Machine.Equals(other.Machine) && Buffers.SequenceEqual(other.Buffers) && Calls.SequenceEqual(other.Calls);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Machine.Seed, Machine.Plan, Buffers.Count, Calls.Count);

    /// <summary>The case in a few words.</summary>
    public override string ToString() =>
        $"{Count(Pages, "page")} in {Count(Buffers.Count, "buffer")}, {Count(Calls.Count, "call")}, {Count(Machine.Plan.Count, "fault")}";

    private static string Count(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";
}
