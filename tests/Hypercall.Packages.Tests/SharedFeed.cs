namespace Hypercall.Packages.Tests;

/// <summary>The tests that share one feed: packing takes long.</summary>
[CollectionDefinition(Name)]
public sealed class SharedFeed : ICollectionFixture<Feed>
{
    /// <summary>Its name.</summary>
    public const string Name = "feed";
}
