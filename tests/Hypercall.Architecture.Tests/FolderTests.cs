using static Hypercall.Architecture.Tests.SourceTree;

namespace Hypercall.Architecture.Tests;

/// <summary>A folder is a concept. Of two folders one may know the other; two that know each other are one.</summary>
public class FolderTests
{
    private const int Most = 1;

    // The pairs that know each other all the same, each with the reason.
    private static readonly Dictionary<string, (string First, string Second, string Reason)[]> Known = new()
    {
        [Room.Abstractions] =
        [
            ("Channel", "Providers", "a provider opens a channel, and a fault says on which provider's way it happened"),
        ],
        [Room.Native] =
        [
            ("Execution", "Guard", "a stub is guarded while it runs, and the guard's own code lies in the arena of the stubs"),
        ],
        [Room.Cli] =
        [
            ("Commands", "Output", "a command prints its result, and the JSON that output writes has the results' shapes"),
        ],
    };

    private static readonly Dictionary<string, Lazy<FolderMap>> Maps =
        Shipped.ToDictionary(project => project.Name, project => new Lazy<FolderMap>(() => FolderMap.Of(project)));

    public static TheoryData<string> ShippedNames => [.. Shipped.Select(project => project.Name)];

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void Two_folders_know_each_other_only_where_it_says_so_here(string name)
    {
        FolderMap map = Maps[name].Value;
        string[] strays = [.. map.Pairs.Except(KnownIn(name)).Select(map.Describe)];
        Assert.True(strays.Length == 0, string.Join(Environment.NewLine, strays));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_pair_that_is_gone_is_not_listed_any_more(string name)
    {
        Assert.Empty(KnownIn(name).Except(Maps[name].Value.Pairs));
    }

    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void A_project_has_one_such_pair_at_most(string name)
    {
        Assert.True(KnownIn(name).Count() <= Most, string.Join(", ", KnownIn(name)));
    }

    // A name that the compiler does not find is a use that is not counted.
    [Theory]
    [MemberData(nameof(ShippedNames))]
    public void The_compiler_finds_what_the_names_in_the_source_mean(string name)
    {
        FolderMap map = Maps[name].Value;
        Assert.True(map.Resolved > 0);
        Assert.True(map.Unresolved * 100 <= map.Resolved, $"{map.Unresolved} names were not found, and {map.Resolved} were.");
    }

    [Theory]
    [InlineData("class A { B? b; }")]
    [InlineData("class A { int size = B.Size; }")]
    [InlineData("class A { string name = nameof(B); }")]
    [InlineData("class A { bool Is(int number) => number.IsB(); }")]
    public void A_type_a_constant_a_name_and_an_extension_are_knowledge(string first)
    {
        const string Second = "static class Extensions { public static bool IsB(this int number) => number == B.Size; } "
            + "class B { public const int Size = 1; A? a; }";
        const string Root = "class Root { A? a; B? b; }";
        FolderMap map = FolderMap.Of("Two", [("First/A.cs", first), ("Second/B.cs", Second), ("Root.cs", Root)]);
        Assert.Equal([("First", "Second")], map.Pairs);
    }

    [Fact]
    public void A_comment_and_a_part_of_ones_own_are_no_knowledge()
    {
        FolderMap map = FolderMap.Of(
            "Two",
            [
                ("First/A.cs", "/// <summary>See <see cref=\"B\"/>.</summary>\npartial class A { C? c; }"),
                ("First/C.cs", "class C;"),
                ("Second/B.cs", "class B { A? a; }"),
            ]);
        Assert.Empty(map.Pairs);
    }

    private static IEnumerable<(string First, string Second)> KnownIn(string name) =>
        Known.GetValueOrDefault(name, []).Select(pair => (pair.First, pair.Second));
}
