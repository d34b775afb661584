namespace Hypercall.Architecture.Tests;

/// <summary>The names of the projects in src.</summary>
internal static class Room
{
    public const string Abstractions = "Hypercall.Abstractions";
    public const string Native = "Hypercall.Native";
    public const string Intel = "Hypercall.Intel";
    public const string Amd = "Hypercall.Amd";
    public const string Linux = "Hypercall.Linux";
    public const string BitVisor = "Hypercall.BitVisor";
    public const string Testing = "Hypercall.Testing";
    public const string TestingFsCheck = "Hypercall.Testing.FsCheck";
    public const string TestingXunit = "Hypercall.Testing.Xunit";
    public const string TestingXunitV3 = "Hypercall.Testing.XunitV3";
    public const string Cli = "Hypercall.Cli";
}
