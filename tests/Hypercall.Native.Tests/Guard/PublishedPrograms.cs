namespace Hypercall.Native.Tests.Guard;

/// <summary>Tests that share what is published: NativeAOT takes its time.</summary>
[CollectionDefinition(Name)]
public sealed class PublishedPrograms : ICollectionFixture<PublishedFaultStress>
{
    public const string Name = "published fault stress";
}
