using System.Collections.Concurrent;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>
/// Builds the rig once and boots each guest once for all tests. Two lanes, for a machine of two cores: Bochs is slow, and the
/// guests on QEMU run beside it.
/// <code>
///   build ──┬── intel ───────────────────────────────────────
///           └── amd ── amd-no-vmm ── amd-panic ── intel-no-vmm
/// </code>
/// </summary>
public sealed class GuestLab : IDisposable
{
    private static readonly GuestRequest[][] Lanes =
    [
        [GuestRequest.Intel],
        [GuestRequest.Amd, GuestRequest.AmdWithoutVmm, GuestRequest.AmdPanic, GuestRequest.IntelWithoutVmm],
    ];

    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<GuestRequest, TaskCompletionSource<GuestRun>> _runs = Lanes.SelectMany(lane => lane)
        .ToDictionary(request => request, _ => new TaskCompletionSource<GuestRun>(TaskCreationOptions.RunContinuationsAsynchronously));

    private readonly TaskCompletionSource<RigImage> _image = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<string> _told = new();
    private readonly List<Thread> _threads = [];
    private string? _folder;

    /// <summary>What a person should read, such as a boot that was tried again.</summary>
    internal IReadOnlyCollection<string> Told => _told;

    /// <summary>The run of a guest; it waits for it. A machine that cannot is a skipped test.</summary>
    /// <param name="request">Which guest.</param>
    internal async Task<GuestRun> GetAsync(GuestRequest request)
    {
        _ = await GetImageAsync(request.Machine);
        return await _runs[request].Task;
    }

    /// <summary>What guests boot; it waits until it is built. A machine that cannot is a skipped test.</summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>.</param>
    internal async Task<RigImage> GetImageAsync(string machine)
    {
        string? reason = Emulators.WhyNot(machine);
        Skip.If(reason is not null, reason);
        Start();
        try
        {
            return await _image.Task;
        }
        catch (RigUnavailableException e)
        {
            Skip.If(true, e.Message);
            throw;
        }
    }

    /// <summary>Waits until nothing is booted on QEMU any more, for a test that boots a guest of its own.</summary>
    internal async Task WaitForAmdAsync()
    {
        foreach (GuestRequest request in Lanes[1].Where(request => request.Machine == "amd"))
        {
            _ = await GetAsync(request);
        }
    }

    /// <summary>Ends whatever still runs.</summary>
    public void Dispose()
    {
        _end.Cancel();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }

        _end.Dispose();
    }

    private void Tell(string text)
    {
        _told.Enqueue(text);
        Console.WriteLine(text);
        File.AppendAllText(Path.Combine(RigLogs.Folder, "notes.txt"), text + "\n");
    }

    private void Start()
    {
        lock (_lock)
        {
            if (_folder is null)
            {
                _folder = Directory.CreateTempSubdirectory("hypercall-guests-").FullName;
                File.Delete(Path.Combine(RigLogs.Folder, "notes.txt"));
                StartThread(Build);
            }
        }
    }

    // Threads of our own: a guest ends with the thread that started it, and the pool's come and go.
    private void StartThread(Action run)
    {
        Thread thread = new(() => run()) { IsBackground = true };
        lock (_lock)
        {
            _threads.Add(thread);
        }

        thread.Start();
    }

    private void Build()
    {
        try
        {
            RigImage image = RigImage.Build(_folder!, _end.Token);
            Thread[] lanes = [.. Lanes.Select(lane => new Thread(() => RunLane(lane, image)) { IsBackground = true })];
            _image.SetResult(image);
            foreach (Thread lane in lanes)
            {
                lane.Start();
            }

            foreach (Thread lane in lanes)
            {
                lane.Join();
            }
        }
#pragma warning disable CA1031 // whatever it is, the tests that wait for it report it
        catch (Exception e)
#pragma warning restore CA1031
        {
            _ = _image.TrySetException(e);
        }
    }

    private void RunLane(GuestRequest[] lane, RigImage image)
    {
        GuestBoot boot = new(RigLogs.Folder, Tell);
        foreach (GuestRequest request in lane.Where(request => Emulators.WhyNot(request.Machine) is null))
        {
            try
            {
                _runs[request].SetResult(boot.Run(request, image.CommandFor(request), _end.Token));
            }
#pragma warning disable CA1031 // as above
            catch (Exception e)
#pragma warning restore CA1031
            {
                _runs[request].SetException(e);
            }
        }
    }
}
