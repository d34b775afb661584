namespace Hypercall.Cli.Machines;

/// <summary>What is known of a way down.</summary>
internal enum WayState
{
    /// <summary>It could be tried, and was not.</summary>
    NotTried,

    /// <summary>It is not for this machine.</summary>
    NotHere,

    /// <summary>It lacks something that a user can give.</summary>
    Needs,

    /// <summary>Tried: a VMM served the call.</summary>
    Works,

    /// <summary>Tried: a VMM answered, and said no, or in another ABI.</summary>
    Refused,

    /// <summary>Tried: the CPU raised a fault on the instruction.</summary>
    Faulted,

    /// <summary>Tried: it completed, and nothing shows that a VMM heard of it.</summary>
    Silent,

    /// <summary>Tried: the channel itself refused, or could not be opened.</summary>
    ChannelRefused,
}
