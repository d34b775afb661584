using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>
/// What the tool's fake VMM can do, beside what every VMM of its personality can: one function for each command to play with.
/// </summary>
internal static class FakeFunctions
{
    /// <summary>The function of the demonstration: takes three words and gives 10.</summary>
    public const string Foo = "foo";

    public static IReadOnlyList<(string Name, string Purpose)> All { get; } =
    [
        (Foo, "of the fake VMM: takes three words and gives 10"),
        ("upper_gva", "of the fake VMM: makes ASCII letters large, in memory by virtual address"),
        ("upper_gpa", "of the fake VMM: the same, in memory by physical address"),
        ("upper_list", "of the fake VMM: the same, in memory by frame list"),
        ("upper_auto", "of the fake VMM: the same, by physical address or frame list, whichever it is given"),
    ];

    public static string? PurposeOf(string name) => All.FirstOrDefault(own => own.Name.Equals(name, StringComparison.Ordinal)).Purpose;

    private const string Status = "Fake VMM: running.\nFunctions of its own: foo, upper_gva, upper_gpa, upper_list, upper_auto.\n";

    public static void Register(FakeMachine fake) => fake
        .On(Foo, call => call.Rax = 10)
        .On("get_status", new FakeStatus(Status).Answer)
        .On("dbgsh", new FakeShell().Answer)
        .On("upper_gva", FakeHandlers.ByVirtualAddress(FakeHandlers.ToUpper, answer: FakeAnswer.BytesInRax))
        .On("upper_gpa", FakeHandlers.ByPhysicalAddress(FakeHandlers.ToUpper, answer: FakeAnswer.BytesInRax))
        .On("upper_list", FakeHandlers.ByFrameList(FakeHandlers.ToUpper, answer: FakeAnswer.BytesInRax))
        .On("upper_auto", FakeHandlers.ByEither(FakeHandlers.ToUpper, answer: FakeAnswer.BytesInRax));

    /// <summary>The same, and a log.</summary>
    public static void RegisterWithLog(FakeMachine fake)
    {
        Register(fake);
        _ = fake.On("log_set_buf", new FakeLog().Answer);
    }

    /// <summary>A log that says one line as soon as somebody listens.</summary>
    private sealed class FakeLog
    {
        private readonly FakeLogRing _ring = new();

        public void Answer(FakeCall call)
        {
            _ring.Answer(call);
            _ring.Write("Fake VMM: the guest's kernel reads this log.\n");
        }
    }
}
