using System.Diagnostics;
using Hypercall.Guest.Tests.Processes;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>What guests boot: kernels, an initramfs, a VMM, what judges need; copied to a folder of this run's own.</summary>
/// <param name="Folder">Where they are.</param>
/// <param name="Programs">SHA-256 of our programs that were put into the initramfs, by their names.</param>
internal sealed record RigImage(string Folder, IReadOnlyDictionary<string, string> Programs)
{
    private const int NotToBeHad = 3; // rig/guest/build --help: a package is not in the cache, and cannot be fetched

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(25);

    /// <summary>Builds them. It blocks its thread.</summary>
    /// <param name="folder">Where to put them.</param>
    /// <param name="cancellation">Ends the build.</param>
    /// <exception cref="RigUnavailableException">This machine cannot: no network, and nothing in the cache.</exception>
    /// <exception cref="InvalidOperationException">The build failed; the message has its output.</exception>
    public static RigImage Build(string folder, CancellationToken cancellation)
    {
        // Another run in the same checkout builds into the same folders.
        const string Script = """
            set -e
            mkdir -p artifacts/rig
            exec 9>artifacts/rig/lock
            flock 9
            rig/guest/build --judges "${HYPERCALL_JUDGES:-all}" 9>&-
            make -s -C rig/vmm 9>&-
            cp -r artifacts/rig/vmlinuz* artifacts/rig/initramfs.gz artifacts/rig/programs.sha256 artifacts/rig/judges rig/vmm/build/vmm.elf "$1/"
            """;
        List<string> output = [];
        using ProcessSession session = ProcessSession.Start(Checkout.Root, "bash", "-c", Script + " 2>&1", "bash", folder);
        session.Input.Close();
        Thread reader = new(() =>
        {
            while (session.Output.ReadLine() is { } line)
            {
                output.Add(line);
            }
        })
        {
            IsBackground = true,
        };
        reader.Start();
        long started = Stopwatch.GetTimestamp();
        bool ended;
        while (!(ended = session.WaitForExit(Tick)) && Stopwatch.GetElapsedTime(started) < Limit)
        {
            cancellation.ThrowIfCancellationRequested();
        }

        session.End();
        reader.Join();
        File.WriteAllLines(Path.Combine(RigLogs.Folder, "build.log"), output);
        string errors = session.Error.ReadToEnd();
        string tail = string.Join('\n', output.Append(errors).TakeLast(40));
        if (ended && session.ExitCode == NotToBeHad)
        {
            throw new RigUnavailableException($"Guests cannot run here: {tail}");
        }

        if (!ended || session.ExitCode != 0)
        {
            throw new InvalidOperationException($"The rig was not built ({(ended ? $"code {session.ExitCode}" : $"no end within {Limit}")}):\n{tail}");
        }

        return new RigImage(folder, File.ReadLines(Path.Combine(folder, "programs.sha256"))
            .Select(line => line.Split("  ")).ToDictionary(pair => Path.GetFileName(pair[1]), pair => pair[0]));
    }

    /// <summary>The command that boots a guest: as a person would, when one is to have a prompt there.</summary>
    /// <param name="request">Which guest.</param>
    /// <param name="options">More options of rig/boot.</param>
    public IReadOnlyList<string> CommandFor(GuestRequest request, params IReadOnlyList<string> options) =>
    [
        Path.Combine(Checkout.Root, "rig", request.Visit is null ? "boot" : "shell"), request.Machine, .. Under(request.Judge),
        .. (IEnumerable<string>)(request.Kernel is { } kernel ? ["--kernel", Path.Combine(Folder, kernel)] : []),
        "--timeout", ((int)request.Limit.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture),
        "--append", $"quiet {request.Words}", .. options,
    ];

    /// <summary>The command that boots a guest with a prompt, as a person would type it.</summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>.</param>
    /// <param name="judge">What lies under it.</param>
    public IReadOnlyList<string> ShellFor(string machine, string judge) => [Path.Combine(Checkout.Root, "rig", "shell"), machine, .. Under(judge)];

    private IEnumerable<string> Under(string judge) =>
        ["--under", judge, "--image", Folder, .. (IEnumerable<string>)(judge == "rig" ? ["--vmm", Path.Combine(Folder, "vmm.elf")] : [])];
}
