namespace Hypercall.Guest.Tests.Rig;

/// <summary>This machine cannot build the rig, through no fault of the code.</summary>
/// <param name="message">Why.</param>
internal sealed class RigUnavailableException(string message) : Exception(message);
