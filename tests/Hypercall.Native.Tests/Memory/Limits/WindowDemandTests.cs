using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory.Limits;

public sealed unsafe class WindowDemandTests
{
    private const int Pages = 5_000; // more than one piece
    private const nuint Length = Pages * GuestPage.Size;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Pages)]
    public void Of_shared_memory_what_another_mapping_touched_is_there(int touched)
    {
        Host.NeedsLinux();
        Host.NeedsFrames();
        int file = Make();
        nuint theirs = LinuxMemory.Map(Length, Libc.MapShared, file);
        nuint ours = LinuxMemory.Map(Length, Libc.MapShared, file);
        LinuxMemory.Close(file);
        try
        {
            for (int page = 0; page < touched; page++)
            {
                ((byte*)theirs)[page * GuestPage.Size] = 1;
            }

            Assert.Equal((Pages - touched) * (long)GuestPage.Size, Missing(ours, Length));
        }
        finally
        {
            LinuxMemory.Unmap(theirs, Length);
            LinuxMemory.Unmap(ours, Length);
        }
    }

    [Fact]
    public void A_private_mapping_of_what_is_there_takes_copies_of_it()
    {
        Host.NeedsFrames();
        int file = Make();
        nuint theirs = LinuxMemory.Map(Length, Libc.MapShared, file);
        nuint ours = LinuxMemory.Map(Length, Libc.MapPrivate, file);
        LinuxMemory.Close(file);
        try
        {
            new Span<byte>((void*)theirs, (int)Length).Fill(1);
            Assert.Equal((long)Length, Missing(ours, Length));
        }
        finally
        {
            LinuxMemory.Unmap(theirs, Length);
            LinuxMemory.Unmap(ours, Length);
        }
    }

    [Fact]
    public void Pages_of_the_pool_take_no_memory()
    {
        Host.NeedsFrames();
        const nuint HugePage = 2 << 20;
        nuint start = LinuxMemory.Map(HugePage, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve | Libc.MapHugeTlb | Libc.MapHuge2M);
        Assert.SkipWhen(start == 0, "the kernel or the CPU has no huge pages of 2 MiB");
        try
        {
            Assert.Equal(0, Missing(start, HugePage));
        }
        finally
        {
            LinuxMemory.Unmap(start, HugePage);
        }
    }

    private static long? Missing(nuint start, nuint length)
    {
        LinuxDescriptors descriptors = new(keepsPrivileges: false);
        try
        {
            return WindowDemand.Missing(new PageSpan(start, start + length), descriptors.PageMap);
        }
        finally
        {
            descriptors.Close();
        }
    }

    private static int Make()
    {
        fixed (byte* name = "hypercall-test\0"u8)
        {
            int file = Libc.MemoryFileCreate(name, Libc.MfdCloseOnExec);
            Assert.True(file > 0);
            Assert.Equal(0, Libc.SetFileLength(file, (long)Length));
            return file;
        }
    }
}
