using Hypercall.Native.Interop;
using Hypercall.Native.Tests.Memory;

namespace Hypercall.Native.Tests.Interop;

public sealed class KernelFileTests
{
    [Fact]
    public void A_file_of_proc_is_the_kernels_own_word()
    {
        Host.NeedsLinux();
        Assert.Contains("VmSize:", KernelFile.TryReadGenuine("/proc/self/status", KernelFile.OnProc), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_another_file_system_is_not()
    {
        Host.NeedsLinux();
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "MemAvailable: 1 kB");
            Assert.Null(KernelFile.TryReadGenuine(path, KernelFile.OnProc));
            Assert.Equal("MemAvailable: 1 kB", KernelFile.TryRead(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_text_longer_than_one_read_is_whole()
    {
        Host.NeedsLinux();
        string path = Path.GetTempFileName();
        try
        {
            string text = new('x', 100_000);
            File.WriteAllText(path, text);
            Assert.Equal(text, KernelFile.TryRead(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void What_is_not_there_or_is_a_directory_has_no_text()
    {
        Host.NeedsLinux();
        Assert.Null(KernelFile.TryRead("/proc/self/no-such-file"));
        Assert.Null(KernelFile.TryRead("/proc/self"));
    }
}
