using System.Text;

namespace Hypercall.Cli.Tests.Output;

public class FullOutputTests
{
    [Theory]
    [InlineData("functions --vmm fake")]
    [InlineData("functions --vmm fake --json")]
    [InlineData("--help")]
    public async Task Standard_output_on_a_full_disk_is_no_internal_error(string commandLine)
    {
        using StringWriter errors = new();
        ExitCode code = await CliApplication.RunAsync(commandLine.Split(' '), new CliHost(new FullWriter(), errors));

        Assert.Equal(ExitCode.OutputLost, code);
        Assert.StartsWith("hypercall: ", errors.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Internal", errors.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("call nosuch --vmm fake", ExitCode.Refused)]
    [InlineData("call nosuch --vmm fake --json", ExitCode.Refused)]
    [InlineData("call --json", ExitCode.Usage)]
    [InlineData("functions --vmm fake", ExitCode.OutputLost)]
    public async Task The_exit_code_stays_where_nothing_can_be_said(string commandLine, object expected)
    {
        ExitCode code = await CliApplication.RunAsync(commandLine.Split(' '), new CliHost(new FullWriter(), new FullWriter()));

        Assert.Equal(expected, code);
    }

    private sealed class FullWriter : StringWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new IOException("No space left on device");

        public override void Write(string? value) => throw new IOException("No space left on device");

        public override void Write(char[] buffer, int index, int count) => throw new IOException("No space left on device");

        public override void WriteLine(string? value) => throw new IOException("No space left on device");
    }
}
