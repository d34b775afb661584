namespace Hypercall.Testing.Tests;

/// <summary>Runs code of a test on the VMM's side, in a call.</summary>
internal static class FakeMachineProbe
{
    private const string Name = "probe";
    private const ulong Number = 4; // after boot, loadcfg and loadcfg64

    public static void Inside(this FakeMachine fake, Action<FakeCall> action)
    {
        _ = fake.On(Name, action);
        HypercallRegisters registers = new() { Rax = Number };
        fake.Channel.Invoke(ref registers);
    }

    /// <summary>What the VMM reads by virtual address: as many bytes as it gets.</summary>
    public static byte[] ReadVirtual(this FakeMachine fake, GuestVirtualAddress address, int length)
    {
        byte[] bytes = new byte[length];
        int done = 0;
        fake.Inside(call => Assert.Equal(call.TryReadVirtual(address, bytes, out done), done == length));
        return bytes[..done];
    }

    /// <summary>How many bytes the VMM writes by virtual address.</summary>
    public static int WriteVirtual(this FakeMachine fake, GuestVirtualAddress address, byte[] bytes)
    {
        int done = 0;
        fake.Inside(call => Assert.Equal(call.TryWriteVirtual(address, bytes, out done), done == bytes.Length));
        return done;
    }

    /// <summary>What the VMM reads by physical address: as many bytes as it gets.</summary>
    public static byte[] ReadPhysical(this FakeMachine fake, GuestPhysicalAddress address, int length)
    {
        byte[] bytes = new byte[length];
        int done = 0;
        fake.Inside(call => Assert.Equal(call.TryReadPhysical(address, bytes, out done), done == length));
        return bytes[..done];
    }

    /// <summary>How many bytes the VMM writes by physical address.</summary>
    public static int WritePhysical(this FakeMachine fake, GuestPhysicalAddress address, byte[] bytes)
    {
        int done = 0;
        fake.Inside(call => Assert.Equal(call.TryWritePhysical(address, bytes, out done), done == bytes.Length));
        return done;
    }

    /// <summary>The frames of a buffer whose pages are all present.</summary>
    public static ulong[] Frames(this GuestBuffer buffer)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out GuestMemoryRefusal? refusal), refusal?.Message);
        return [.. pages.Pages.ToArray().Select(page => page.Frame.Value)];
    }

    /// <summary>The states of a buffer's pages.</summary>
    public static GuestPageState[] States(this GuestBuffer buffer)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out GuestMemoryRefusal? refusal), refusal?.Message);
        return [.. pages.Pages.ToArray().Select(page => page.State)];
    }
}
