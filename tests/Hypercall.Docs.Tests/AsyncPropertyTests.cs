namespace Hypercall.Docs.Tests;

/// <summary>A check whose end nobody waits for finds nothing: the plain form takes no asynchronous property.</summary>
public class AsyncPropertyTests
{
    [Theory]
    [InlineData("void Test() => VmmCheck.Run(async vmm => await Task.Yield());")]
    [InlineData("void Test() => VmmCheck.Run(async (vmm, one) => await Task.Yield());")]
    [InlineData("void Test() => VmmCheck.Run(async vmm => await Task.Yield(), new VmmCheckOptions());")]
    [InlineData("void Test() => VmmCheck.Run(async (vmm, one) => { await Task.Yield(); }, new VmmCheckOptions());")]
    [InlineData("void Test() => VmmCheck.Run(vmm => Task.CompletedTask);")]
    [InlineData("Task Property(FakeMachine vmm) => Task.CompletedTask; void Test() => VmmCheck.Run(Property);")]
    [InlineData("bool Test() => VmmCheck.TryRun(async vmm => await Task.Yield(), new VmmCheckOptions()).Passed;")]
    [InlineData("bool Test() => VmmCheck.TryRun(async (vmm, one) => await Task.Yield(), new VmmCheckOptions()).Passed;")]
    public void An_asynchronous_property_in_the_plain_form_does_not_compile(string test)
    {
        string error = Assert.Single(Errors(test));
        Assert.Contains("CS0619", error, StringComparison.Ordinal);
        Assert.Contains("RunAsync(...)`, in a test that returns Task", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Task Test() => VmmCheck.RunAsync(async vmm => await Task.Yield());")]
    [InlineData("Task Test() => VmmCheck.RunAsync(async (vmm, one) => await Task.Yield(), new VmmCheckOptions());")]
    [InlineData("void Test() => VmmCheck.Run(vmm => vmm.On(\"foo\", call => call.Rax = 10));")]
    [InlineData("void Test() => VmmCheck.Run((vmm, one) => Console.WriteLine(one), new VmmCheckOptions());")]
    public void Each_property_in_its_own_form_does(string test) => Assert.Empty(Errors(test));

    private static IReadOnlyList<string> Errors(string test)
    {
        MarkdownPage page = MarkdownPage.Parse("page.md", $"""
            ```csharp compile
            using Hypercall.Testing;
            {test}
            ```
            """);
        return PageProgram.Of(page)[0].Check();
    }
}
