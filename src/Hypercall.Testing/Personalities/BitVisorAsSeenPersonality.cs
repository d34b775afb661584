namespace Hypercall.Testing;

/// <summary>BitVisor as a build of May 2026 behaved on emulated CPUs of both vendors.</summary>
internal sealed class BitVisorAsSeenPersonality() : BitVisorPersonality(nameof(BitVisorAsSeen))
{
    private const string Seen = "seen on a build of May 2026";

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        .. BitVisor.Rules,
        new("Checks no rights: a program's call reads and writes the kernel's pages.", Seen),
        new("Its own memory reads as zeros.", Seen),
        new("Addresses where no memory is can be mapped.", Seen),
        new("What it reads there is ones.", FakeVmmRule.Assumed),
    ];

    public override bool ChecksRights => false;

    public override bool MapsHoles => true;

    public override byte RomByte => 0;
}
