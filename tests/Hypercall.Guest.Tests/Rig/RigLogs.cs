namespace Hypercall.Guest.Tests.Rig;

/// <summary>Where the logs of guests are kept.</summary>
internal static class RigLogs
{
    /// <summary>The folder; it is made when it is missing.</summary>
    public static string Folder => Directory.CreateDirectory(Checkout.Full("artifacts", "rig", "logs")).FullName;
}
