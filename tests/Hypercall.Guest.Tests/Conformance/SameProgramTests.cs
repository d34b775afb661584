using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Conformance;

/// <summary>One program for both vendors: what runs on AMD is, byte for byte, what runs on Intel.</summary>
[Collection(GuestCollection.Name)]
public class SameProgramTests(GuestLab lab)
{
    [SkippableFact]
    public async Task The_program_in_the_AMD_guest_is_the_one_that_was_built() => await CheckAsync(GuestRequest.Amd);

    [SkippableFact]
    public async Task The_program_in_the_Intel_guest_is_the_one_that_was_built() => await CheckAsync(GuestRequest.Intel);

    [SkippableFact]
    public async Task The_program_in_the_AMD_guest_is_the_one_in_the_Intel_guest()
    {
        string? amd = (await lab.GetAsync(GuestRequest.Amd)).ProgramHash;
        Assert.NotNull(amd);
        Assert.Equal(amd, (await lab.GetAsync(GuestRequest.Intel)).ProgramHash);
    }

    private async Task CheckAsync(GuestRequest request)
    {
        RigImage image = await lab.GetImageAsync(request.Machine);
        Assert.Equal(image.ProgramHash, (await lab.GetAsync(request)).ProgramHash);
    }
}
