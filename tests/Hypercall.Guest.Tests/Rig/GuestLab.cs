using System.Collections.Concurrent;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>
/// Builds the rig once and boots each guest once for all tests, two at a time, for a machine of two cores: whoever is free takes
/// the next of a list, the longest first.
/// <code>
///   build ──┬── intel ──────────────────────────────── intel-none ── ...
///           └── amd ── amd-panic ── intel-kvm ── amd-kvm ── amd-xen-pvh ── ...
/// </code>
/// </summary>
public sealed class GuestLab : IDisposable
{
    private const int Lanes = 2;

    private static readonly GuestRequest[] Boots = [.. GuestRequest.AllVisited, GuestRequest.AmdModule, GuestRequest.AmdModuleNewer, GuestRequest.AmdPanic];

    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<GuestRequest, TaskCompletionSource<GuestRun>> _runs = Boots.ToDictionary(boot => boot, _ => NewSource<GuestRun>());
    private readonly TaskCompletionSource<RigImage> _image = NewSource<RigImage>();
    private readonly TaskCompletionSource _allDone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<string> _told = new();
    private Thread? _thread;
    private string? _folder;

    /// <summary>What a person should read, such as a boot that was tried again.</summary>
    internal IReadOnlyCollection<string> Told => _told;

    /// <summary>The run of a guest; it waits for it. A machine that cannot is a skipped test.</summary>
    /// <param name="request">Which guest.</param>
    internal async Task<GuestRun> GetAsync(GuestRequest request)
    {
        _ = await GetImageAsync(request.Machine, request.Judge);
        GuestRun run = await _runs[request].Task;
        Assert.SkipWhen(run.ExitCode == GuestBoot.NotToBeHad, string.Join('\n', run.Lines));
        return run;
    }

    /// <summary>What guests boot; it waits until it is built. A machine that cannot is a skipped test.</summary>
    /// <param name="machine"><c>amd</c> or <c>intel</c>.</param>
    /// <param name="judge">What is to lie under the guest.</param>
    internal async Task<RigImage> GetImageAsync(string machine, string judge = "rig")
    {
        string? reason = Emulators.WhyNot(machine, judge);
        Assert.SkipWhen(reason is not null, reason ?? "");
        Start();
        try
        {
            return await _image.Task;
        }
        catch (RigUnavailableException e)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }

    /// <summary>Waits until nothing is booted any more, for a test that boots a guest of its own.</summary>
    internal Task WaitForAllAsync() => _allDone.Task;

    /// <summary>Ends whatever still runs.</summary>
    public void Dispose()
    {
        _end.Cancel();
        _thread?.Join();
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }

        _end.Dispose();
    }

    /// <summary>Writes down what a person should read.</summary>
    /// <param name="text">One line.</param>
    internal void Tell(string text)
    {
        _told.Enqueue(text);
        Console.WriteLine(text);
        lock (_lock)
        {
            File.AppendAllText(Path.Combine(RigLogs.Folder, "notes.txt"), text + "\n");
        }
    }

    private static TaskCompletionSource<T> NewSource<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Start()
    {
        lock (_lock)
        {
            if (_folder is null)
            {
                _folder = Directory.CreateTempSubdirectory("hypercall-guests-").FullName;
                File.Delete(Path.Combine(RigLogs.Folder, "notes.txt"));
                _thread = new Thread(Build) { IsBackground = true }; // a guest ends with the thread that started it, and the pool's come and go
                _thread.Start();
            }
        }
    }

    private void Build()
    {
        try
        {
            RigImage image = RigImage.Build(_folder!, _end.Token);
            ConcurrentQueue<Action> work = new(Work(image));
            Thread[] lanes = [.. Enumerable.Range(0, Lanes).Select(_ => new Thread(() => RunLane(work)) { IsBackground = true })];
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

        _allDone.SetResult();
    }

    private IEnumerable<Action> Work(RigImage image)
    {
        GuestBoot boot = new(RigLogs.Folder, Tell);
        return Boots.Where(request => Emulators.WhyNot(request.Machine, request.Judge) is null)
            .Select(request => (Action)(() => Into(_runs[request], () => boot.Run(request, image.CommandFor(request), _end.Token))));
    }

    private static void Into<T>(TaskCompletionSource<T> source, Func<T> run)
    {
        try
        {
            source.SetResult(run());
        }
#pragma warning disable CA1031 // as above
        catch (Exception e)
#pragma warning restore CA1031
        {
            source.SetException(e);
        }
    }

    private void RunLane(ConcurrentQueue<Action> work)
    {
        while (!_end.IsCancellationRequested && work.TryDequeue(out Action? run))
        {
            run();
        }
    }
}
