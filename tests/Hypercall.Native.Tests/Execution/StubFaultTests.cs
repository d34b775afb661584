using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Execution;

public sealed class StubFaultTests
{
    [Fact]
    public void An_invalid_opcode_is_a_result()
    {
        CpuFault fault = Fault(TestTarget.Ud2, default);

        Assert.Equal((CpuFaultKind.InvalidOpcode, 6), (fault.Kind, fault.TrapNumber));
        Assert.Equal("TEST", fault.Target!.Way);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(4u, fault.Code); // SIGILL
            Assert.Equal(fault.InstructionAddress, fault.Address); // si_addr of SIGILL is the instruction
        }
    }

    [Fact]
    public void A_general_protection_fault_is_a_result()
    {
        CpuFault fault = Fault(TestTarget.Hlt, default);

        Assert.Equal((CpuFaultKind.GeneralProtection, 13), (fault.Kind, fault.TrapNumber));
        Assert.Equal(OperatingSystem.IsWindows() ? 0xC0000096 : 11u, fault.Code);
        Assert.False(fault.IsOnInstruction);
    }

    [Fact]
    public void A_non_canonical_address_is_a_general_protection_fault()
    {
        CpuFault fault = Fault(TestTarget.LoadFromRax, new HypercallRegisters { Rax = 0x8000_0000_0000_0000 });

        Assert.Equal((CpuFaultKind.GeneralProtection, 13), (fault.Kind, fault.TrapNumber));
    }

    [Theory]
    [InlineData(0x10)]
    [InlineData(0x7FFF_0000_0123)]
    public void A_page_fault_is_a_result_with_the_address_that_failed(ulong address)
    {
        CpuFault fault = Fault(TestTarget.LoadFromRax, new HypercallRegisters { Rax = address });

        Assert.Equal((CpuFaultKind.PageFault, 14, address), (fault.Kind, fault.TrapNumber, fault.Address.Value));
        Assert.False(fault.IsOnInstruction);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal((11u, 4ul), (fault.Code, fault.ErrorCode)); // SIGSEGV; user mode, read, not present
        }
    }

    [Fact]
    public void A_page_fault_on_the_bytes_of_the_instruction_is_told_apart()
    {
        CpuFault fault = Fault(TestTarget.WriteToItself, default);

        Assert.Equal(CpuFaultKind.PageFault, fault.Kind);
        Assert.Equal(fault.InstructionAddress, fault.Address);
        Assert.True(fault.IsOnInstruction);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(7ul, fault.ErrorCode); // user mode, write, protection
        }
    }

    [Fact]
    public unsafe void A_bus_error_is_a_result()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "SIGBUS is a signal of Linux.");
        int fd;
        fixed (byte* name = "empty\0"u8)
        {
            fd = Libc.MemoryFileCreate(name, Libc.MfdCloseOnExec);
        }

        nint beyondTheEnd = Libc.MemoryMap(0, 4096, Libc.ProtRead, Libc.MapPrivate, fd, 0);
        _ = Libc.Close(fd);

        CpuFault fault = Fault(TestTarget.LoadFromRax, new HypercallRegisters { Rax = (ulong)beyondTheEnd });

        Assert.Equal((CpuFaultKind.PageFault, 7u, (ulong)beyondTheEnd), (fault.Kind, fault.Code, fault.Address.Value)); // SIGBUS
    }

    [Fact]
    public void A_null_reference_after_a_fault_is_still_an_exception()
    {
        _ = Fault(TestTarget.LoadFromRax, new HypercallRegisters { Rax = 0x10 });
        string? nothing = Environment.GetEnvironmentVariable("no such variable");

        _ = Assert.Throws<NullReferenceException>(() => nothing!.Length);
    }

    [Fact]
    public void The_throwing_form_says_what_happened_and_where()
    {
        StubChannel channel = TestTarget.Channel(TestTarget.Ud2);

        HypercallFaultException error = Assert.Throws<HypercallFaultException>(() =>
        {
            HypercallRegisters registers = default;
            channel.Invoke(ref registers);
        });

        Assert.Contains("TEST on AnyCpuOfTest raised #UD", error.Message, StringComparison.Ordinal);
    }

    private static CpuFault Fault(byte[] instruction, HypercallRegisters registers)
    {
        StubChannel channel = TestTarget.Channel(instruction);
        HypercallStatus status = channel.TryInvoke(ref registers);
        Assert.False(status.IsCompleted);
        Assert.NotEqual(0ul, status.Fault.InstructionAddress.Value);
        return status.Fault;
    }
}
