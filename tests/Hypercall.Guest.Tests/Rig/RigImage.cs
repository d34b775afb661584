using System.Diagnostics;
using System.Security.Cryptography;
using Hypercall.Guest.Tests.Processes;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>What guests boot: a kernel, an initramfs, a VMM, copied to a folder of this run's own.</summary>
/// <param name="Folder">Where they are.</param>
/// <param name="ProgramHash">SHA-256 of the conformance program that was put into the initramfs.</param>
internal sealed record RigImage(string Folder, string ProgramHash)
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
            rig/guest/build 9>&-
            make -s -C rig/vmm 9>&-
            cp artifacts/rig/vmlinuz artifacts/rig/initramfs.gz rig/vmm/build/vmm.elf artifacts/rig/work/conformance/Hypercall.Conformance "$1/"
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

        using FileStream program = File.OpenRead(Path.Combine(folder, "Hypercall.Conformance"));
        return new RigImage(folder, Convert.ToHexStringLower(SHA256.HashData(program)));
    }

    /// <summary>The command that boots a guest.</summary>
    /// <param name="request">Which guest.</param>
    /// <param name="options">More options of rig/boot.</param>
    public IReadOnlyList<string> CommandFor(GuestRequest request, params IReadOnlyList<string> options) =>
    [
        Path.Combine(Checkout.Root, "rig", "boot"), request.Machine,
        "--kernel", Path.Combine(Folder, "vmlinuz"), "--initrd", Path.Combine(Folder, "initramfs.gz"),
        .. (IReadOnlyList<string>)(request.HasVmm ? ["--vmm", Path.Combine(Folder, "vmm.elf")] : ["--no-vmm"]),
        "--timeout", ((int)request.Limit.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture),
        "--append", $"quiet {request.Words}", .. options,
    ];
}
