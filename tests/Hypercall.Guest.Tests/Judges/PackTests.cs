using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Judges;

/// <summary>The disk for VMMs that take over the first one: any BIOS boots it.</summary>
[Collection(GuestCollection.Name)]
public sealed class PackTests(GuestLab lab) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("hypercall-pack-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_BIOS_boots_it_and_the_guest_runs_what_the_pack_says()
    {
        GuestRequest request = GuestRequest.On("amd", "none", "pack", "");
        RigImage image = await lab.GetImageAsync("amd");
        NeedsGrub();
        await lab.WaitForAllAsync();
        string disk = Path.Combine(_folder, "pack.img");
        await PackAsync(image, disk);
        IReadOnlyList<string> command = [Checkout.Full("rig", "boot"), "amd", "--under", "none", "--disk", disk, "--timeout", "480"];

        // A thread of its own: the guest ends with it.
        GuestRun run = await Task.Factory.StartNew(
            () => new GuestBoot(_folder, lab.Tell).Run(request, command, CancellationToken.None),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Assert.True(run.ExitCode == 0, run.Trace);
        Assert.Contains("rig: run hypercall detect", run.Lines);
        Assert.Equal(image.Programs["conformance"], run.Programs["conformance"]);
    }

    [Fact]
    public async Task The_same_inputs_make_the_same_bytes()
    {
        RigImage image = await lab.GetImageAsync("amd");
        NeedsGrub();
        string[] disks = [Path.Combine(_folder, "first.img"), Path.Combine(_folder, "second.img")];
        foreach (string disk in disks)
        {
            await PackAsync(image, disk);
        }

        Assert.Equal(File.ReadAllBytes(disks[0]).AsSpan(), File.ReadAllBytes(disks[1]).AsSpan());
    }

    private static void NeedsGrub() => Assert.SkipUnless(Emulators.WhyNot("intel") is null, "GRUB and mtools come with what Intel guests need.");

    private static async Task PackAsync(RigImage image, string disk)
    {
        ProcessRun run = await ProcessRun.OfAsync(
            Checkout.Full("rig", "guest", "pack"), Limit,
            Path.Combine(image.Folder, "vmlinuz"), Path.Combine(image.Folder, "initramfs.gz"), "rig.run=hypercall,detect", disk);
        Assert.True(run.ExitCode == 0, run.Error);
    }
}
