namespace VmmWatch;

/// <summary>
/// What an operator can set, by <c>appsettings.json</c>, by the environment (<c>Vmm__Function=exits</c>) or by the command line
/// (<c>--Vmm:Function=exits</c>).
/// </summary>
public sealed class WatchOptions
{
    /// <summary>The section of the configuration.</summary>
    public const string Section = "Vmm";

    /// <summary>Which machine is watched. The default is the fake one.</summary>
    public WatchedMachine Machine { get; set; } = WatchedMachine.Fake;

    /// <summary>
    /// The VMM function to call: one that may be called any number of times. What it leaves in RAX is the value that is watched.
    /// </summary>
    public string Function { get; set; } = "exits";

    /// <summary>Its arguments, five at most: RBX, RCX, RDX, RSI, RDI.</summary>
    public IList<ulong> Arguments { get; } = [];

    /// <summary>
    /// How often it is called: 10 ms to 1 h. A call that takes longer delays the next one; there are never two at a time.
    /// </summary>
    public TimeSpan Period { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>An answer that took longer is <i>degraded</i>: 1 ms to 1 h.</summary>
    public TimeSpan SlowAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A call that has not come back for so long is <i>unhealthy</i>: <see cref="SlowAfter"/> to 1 h.</summary>
    public TimeSpan HungAfter { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// So many polls without an answer, one after another, are <i>unhealthy</i>, and fewer <i>degraded</i>: 1 and more.
    /// </summary>
    public int UnhealthyAfter { get; set; } = 3;

    /// <summary>A file that holds the health, for a container's probe; null for none. Its folder must be there.</summary>
    public string? HealthFile { get; set; }
}
