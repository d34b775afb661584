namespace Hypercall.Guest.Tests.Rig;

/// <summary>All tests that look at a real guest share its one boot.</summary>
[CollectionDefinition(Name)]
#pragma warning disable CA1711 // it is one, in xunit's sense
public sealed class GuestCollection : ICollectionFixture<GuestLab>
#pragma warning restore CA1711
{
    public const string Name = "guests";
}
