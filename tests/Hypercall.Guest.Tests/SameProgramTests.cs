namespace Hypercall.Guest.Tests;

public sealed class SameProgramTests
{
    [SkippableFact]
    public void The_same_program_ran_under_SVM_and_under_VMX()
    {
        string? amd = GuestMachines.Amd.Results.ProgramHash;
        Assert.NotNull(amd);
        Assert.Equal(amd, GuestMachines.Intel.Results.ProgramHash);
    }
}
