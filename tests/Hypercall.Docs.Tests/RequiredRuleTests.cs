namespace Hypercall.Docs.Tests;

/// <summary>A program that transfers says how it reads the answer, or does not compile.</summary>
public class RequiredRuleTests
{
    [Theory]
    [InlineData("function.Transfer(buffer, Passing.Virtual, Direction.ToVmm{0})")]
    [InlineData("function.TryTransfer(buffer, Passing.Virtual, Direction.ToVmm{0})")]
    [InlineData("function.Transfer(new ulong[1], Direction.ToVmm{0})")]
    [InlineData("function.TryTransfer(new ulong[1], Direction.ToVmm{0})")]
    public void A_transfer_without_a_rule_does_not_compile(string transfer)
    {
        Assert.Empty(Errors(transfer.Replace("{0}", ", TransferRule.CompletedMeansAll", StringComparison.Ordinal)));
        Assert.NotEmpty(Errors(transfer.Replace("{0}", "", StringComparison.Ordinal)));
        Assert.NotEmpty(Errors(transfer.Replace("{0}", ", null", StringComparison.Ordinal)));
    }

    private static IReadOnlyList<string> Errors(string transfer)
    {
        MarkdownPage page = MarkdownPage.Parse("page.md", $$"""
            ```csharp compile
            using Hypercall;
            static void Hand(HypercallFunction function, GuestBuffer buffer) => {{transfer}};
            ```
            """);
        return PageProgram.Of(page)[0].Check();
    }
}
