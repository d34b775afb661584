using System.ComponentModel;
using System.Diagnostics;

namespace Hypercall.Tests.Hosts;

/// <summary>A small program in C of tests/Shared/Hosts, built with gcc when the first test needs it.</summary>
internal static class CProgram
{
    private static readonly object Gate = new();

    /// <summary>Builds it, or skips the test.</summary>
    /// <param name="name">The name of its source, without <c>.c</c>.</param>
    /// <returns>The path of the program.</returns>
    public static string Build(string name)
    {
        string program = Path.Combine(AppContext.BaseDirectory, name);
        string source = Checkout.Full("tests", "Shared", "Hosts", name + ".c");
        lock (Gate)
        {
            if (File.GetLastWriteTimeUtc(program) > File.GetLastWriteTimeUtc(source))
            {
                return program;
            }

            string fresh = $"{program}.{Environment.ProcessId}"; // another test process may build it at the same time
            ProcessStartInfo start = new("gcc", ["-O1", "-Wall", "-Werror", "-o", fresh, source]) { RedirectStandardError = true };
            try
            {
                using Process gcc = Process.Start(start)!;
                string errors = gcc.StandardError.ReadToEnd();
                gcc.WaitForExit();
                Assert.True(gcc.ExitCode == 0, errors);
            }
            catch (Win32Exception)
            {
                Assert.Skip("needs gcc");
            }

            File.Move(fresh, program, overwrite: true);
            return program;
        }
    }
}
