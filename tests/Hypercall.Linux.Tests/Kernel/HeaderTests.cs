using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Hypercall.Linux.Tests.Kernel;

/// <summary>Both sides of the device read the same header: kernel/hypercall.h.</summary>
public partial class HeaderTests
{
    private static readonly string Header = File.ReadAllText(Checkout.Full("kernel", "hypercall.h"));

    [Theory]
    [InlineData("HYPERCALL_ABOUT", ModuleAbi.AboutCommand)]
    [InlineData("HYPERCALL_CALL", ModuleAbi.CallCommand)]
    [InlineData("HYPERCALL_ALLOCATE", ModuleAbi.AllocateCommand)]
    [InlineData("HYPERCALL_KEEP", ModuleAbi.KeepCommand)]
    [InlineData("HYPERCALL_RELEASE", ModuleAbi.ReleaseCommand)]
    [InlineData("HYPERCALL_FREE", ModuleAbi.FreeCommand)]
    public void A_command_has_the_headers_number(string name, uint number)
    {
        Match line = Regex.Match(Header, $@"#define {name}\s+_IO\w+\('H', \d, [^)]+\)\s+/\* 0x(\w+) \*/");
        Assert.True(line.Success, name);
        Assert.Equal(number, uint.Parse(line.Groups[1].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
    }

    // asm-generic/ioctl.h: bits 16 to 29 of a command are the size of its argument.
    [Fact]
    public void An_argument_has_the_size_that_its_command_says()
    {
        Assert.Equal(SizeIn(ModuleAbi.AboutCommand), Unsafe.SizeOf<ModuleAbi.About>());
        Assert.Equal(SizeIn(ModuleAbi.CallCommand), Unsafe.SizeOf<ModuleAbi.Call>());
        Assert.Equal(SizeIn(ModuleAbi.AllocateCommand), Unsafe.SizeOf<ModuleAbi.Buffer>());
        Assert.Equal(sizeof(uint), SizeIn(ModuleAbi.KeepCommand));
    }

    [Fact]
    public void Registers_stand_in_the_headers_order()
    {
        string[] names = Registers().Match(Header).Groups[1].Value.Split(',', StringSplitOptions.TrimEntries);
        Assert.Equal(15, names.Length);
        Assert.Equal(names, typeof(ModuleAbi.Call).GetFields().Take(15).Select(field => field.Name.ToLowerInvariant()));
    }

    [Fact]
    public void The_version_and_the_flag_are_the_headers()
    {
        Assert.Matches($@"#define HYPERCALL_ABI\s+{ModuleAbi.Version}\s", Header);
        Assert.Matches($@"#define HYPERCALL_KEPT\s+{ModuleAbi.KeptFlag}\s", Header);
    }

    [GeneratedRegex(@"__u64 (rax[^;]+);")]
    private static partial Regex Registers();

    private static int SizeIn(uint command) => (int)(command >> 16) & 0x3fff;
}
