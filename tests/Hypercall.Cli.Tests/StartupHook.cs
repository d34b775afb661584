using System.Runtime.InteropServices;
using System.Runtime.Versioning;

/// <summary>
/// Runs inside of the tool before its Main, where DOTNET_STARTUP_HOOKS names this assembly: gives it an end that no command line
/// can, when the test sends SIGWINCH. The name and the missing namespace are the runtime's rule
/// (docs/design/features/host-startup-hook.md).
/// </summary>
#pragma warning disable CA1050 // Declare types in namespaces
internal static class StartupHook
#pragma warning restore CA1050
{
    public const string Variable = "HYPERCALL_TEST_END";

    private static PosixSignalRegistration? s_registration;

    [UnsupportedOSPlatform("windows")]
    public static void Initialize()
    {
        string how = Environment.GetEnvironmentVariable(Variable) ?? "";
        s_registration = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => End(how));
    }

    private static void End(string how)
    {
        if (how == "exit")
        {
            Environment.Exit(9);
        }

        new Thread(() => throw new InvalidOperationException("Nobody catches this.")).Start();
    }
}
