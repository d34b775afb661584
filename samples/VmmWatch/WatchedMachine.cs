namespace VmmWatch;

/// <summary>Which machine is watched.</summary>
public enum WatchedMachine
{
    /// <summary>A fake one, for whoever has no VMM: see <see cref="RestlessVmm"/>.</summary>
    Fake,

    /// <summary>The one under this program.</summary>
    Real,
}
