using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;

namespace Hypercall.Cli.Commands;

/// <summary>The usual help, and after it examples; for the tool as a whole also values, exit codes and JSON.</summary>
internal sealed class TeachingHelpAction(HelpAction usual) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        int result = usual.Invoke(parseResult);
        TextWriter writer = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is CliCommand command)
        {
            if (command.Remarks.Length > 0)
            {
                writer.WriteLine(command.Remarks);
                writer.WriteLine();
            }

            WriteExamples(writer, command.Examples);
            writer.WriteLine("Exit codes: see 'hypercall --help'.");
        }
        else
        {
            writer.WriteLine("A VMM, or hypervisor, is the program under a virtual machine; the machine that runs on it is its guest. A hypercall is an instruction, VMCALL on");
            writer.WriteLine("Intel or VMMCALL on AMD, by which a program in the guest calls the VMM. The fake VMM lives inside this process: it needs no machine and no root.");
            writer.WriteLine();
            WriteExamples(writer,
            [
                ("hypercall demo", "what a hypercall is, shown on a fake VMM"),
                ("hypercall detect", "what this machine has"),
                ("hypercall call foo --rbx 1 --rcx 2 --rdx 3 --vmm fake", "call a function of the fake VMM by name; without --vmm fake, of the one under this machine"),
                ("hypercall call --convention xen --number 17 --arg 0", "call a number, in the registers of Xen or another VMM"),
            ]);
            WriteReference(writer);
        }

        return result;
    }

    private static void WriteExamples(TextWriter writer, IReadOnlyList<(string CommandLine, string Meaning)> examples)
    {
        writer.WriteLine("Examples:");
        foreach ((string commandLine, string meaning) in examples)
        {
            writer.WriteLine($"  {commandLine}");
            writer.WriteLine($"      {meaning}");
        }

        writer.WriteLine();
    }

    private static void WriteReference(TextWriter writer)
    {
        writer.WriteLine($"Every command takes --vmm real|fake, --instruction auto|vmcall|vmmcall, --channel NAME, --json, "
            + $"and --fake {string.Join('|', MachineOptions.PersonalityNames)}");
        writer.WriteLine("(how the fake VMM behaves; 'hypercall detect --fake NAME' lists its rules).");
        writer.WriteLine($"The environment variables {MachineOptions.VmmVariable} and {MachineOptions.ChannelVariable} "
            + "are the defaults of --vmm and --channel, for scripts.");
        writer.WriteLine($"Values of registers are {RegisterValue.Forms}; '_' may separate digits.");
        writer.WriteLine("With --json, registers and addresses are strings in hexadecimal, and an error is {\"error\": {...}, \"exitCode\": N} on standard output.");
        writer.WriteLine("Results go to standard output, errors to standard error; without a terminal both are plain text. NO_COLOR is respected, and so is the encoding of the locale.");
        writer.WriteLine();
        writer.WriteLine("Exit codes:");
        foreach ((ExitCode code, string meaning) in ExitCodes.All)
        {
            writer.WriteLine($"  {(int)code,3}  {meaning}");
        }
    }
}
