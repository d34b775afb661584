using Hypercall.Guest.Tests.Judges;
using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Conformance;

/// <summary>One image for all machines and judges: what runs there is, byte for byte, what was built.</summary>
[Collection(GuestCollection.Name)]
public class SameProgramTests(GuestLab lab)
{
    public static TheoryData<string> Guests => [.. GuestRequest.AllVisited.Select(request => request.Name)];

    [Theory]
    [MemberData(nameof(Guests))]
    public async Task The_programs_in_the_guest_are_the_ones_that_were_built(string name)
    {
        GuestRequest request = GuestRequest.AllVisited.Single(request => request.Name == name);
        GuestRun run = await lab.GetAsync(request);
        RigImage image = await lab.GetImageAsync(request.Machine);
        Assert.Contains("conformance", image.Programs.Keys);
        Assert.Equal(image.Programs.OrderBy(pair => pair.Key, StringComparer.Ordinal), run.Programs.OrderBy(pair => pair.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void Every_judge_of_rig_boot_has_an_expectation()
    {
        // A line of judges/*.sh each: about="..." and machines="...", read as rig/boot reads them.
        IEnumerable<string> there = Directory.EnumerateFiles(Checkout.Full("rig", "judges"), "*.sh")
            .Where(file => File.ReadLines(file).Any(line => line.StartsWith("about=", StringComparison.Ordinal)))
            .Select(file => Path.GetFileNameWithoutExtension(file));
        Assert.Equal(there.Order(StringComparer.Ordinal), Expectation.All.Select(expected => expected.Judge).Distinct().Order(StringComparer.Ordinal));
    }
}
