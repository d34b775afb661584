namespace Hypercall.Linux;

/// <summary>A device that is opened when it is needed, and tried again as long as it cannot be.</summary>
/// <param name="name">The device.</param>
/// <param name="open">Opens it, or says why not.</param>
internal sealed class DeviceAccess(string name, DeviceAccess.Opener open) : IDisposable
{
    private readonly Lock _gate = new();
    private DeviceFile? _file;
    private ChannelRefusal? _refusal;
    private bool _isDisposed;

    /// <summary>Opens a device.</summary>
    /// <param name="problem">Why it cannot be opened; null when it was.</param>
    public delegate DeviceFile? Opener(out DeviceProblem? problem);

    public string Name => name;

    /// <summary>The open device.</summary>
    /// <param name="problem">Why there is none.</param>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public DeviceFile? Get(out DeviceProblem? problem)
    {
        problem = null;
        if (Volatile.Read(ref _file) is { } file)
        {
            return file;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _file ??= open(out problem);
        }
    }

    /// <summary>The open device, or why a call is refused: the same refusal as long as the reason is.</summary>
    /// <param name="refusal">Why there is none.</param>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public DeviceFile? Get(out ChannelRefusal? refusal)
    {
        refusal = null;
        DeviceFile? file = Get(out DeviceProblem? problem);
        if (file is null)
        {
            ChannelRefusal? last = Volatile.Read(ref _refusal);
            refusal = last?.Reason == problem!.Reason ? last : problem.ToRefusal(name);
            Volatile.Write(ref _refusal, refusal);
        }

        return file;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        Volatile.Read(ref _file)?.Dispose();
    }
}
