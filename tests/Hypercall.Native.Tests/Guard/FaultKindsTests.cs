using FsCheck.Xunit;
using Hypercall.Native.Execution;
using Hypercall.Native.Guard;

namespace Hypercall.Native.Tests.Guard;

/// <summary>Which fault it was, also where the environment sets a signal and leaves the trap number as it was.</summary>
public sealed class FaultKindsTests
{
    [Theory]
    [InlineData(4, 6, CpuFaultKind.InvalidOpcode, 6)]
    [InlineData(11, 13, CpuFaultKind.GeneralProtection, 13)]
    [InlineData(11, 14, CpuFaultKind.PageFault, 14)]
    [InlineData(7, 14, CpuFaultKind.PageFault, 14)]
    [InlineData(7, 17, CpuFaultKind.Other, 17)]
    [InlineData(11, 20, CpuFaultKind.Other, 20)]
    [InlineData(4, 0, CpuFaultKind.InvalidOpcode, -1)]
    [InlineData(4, 14, CpuFaultKind.InvalidOpcode, -1)] // of the fault before
    [InlineData(11, 0, CpuFaultKind.Other, -1)]
    [InlineData(11, 6, CpuFaultKind.Other, -1)]
    [InlineData(7, 13, CpuFaultKind.Other, -1)]
    public void A_trap_number_is_believed_when_it_goes_with_the_signal(int signal, int trap, CpuFaultKind kind, int believed)
    {
        CpuFault fault = FaultKinds.Judge(new NativeFault { Code = (ulong)signal, Trap = trap, ErrorCode = 7 });

        Assert.Equal((kind, believed, (uint)signal), (fault.Kind, fault.TrapNumber, fault.Code));
        Assert.Equal(believed < 0 ? 0ul : 7ul, fault.ErrorCode);
    }

    [Property]
    public bool SIGILL_is_always_an_invalid_opcode(long trap) =>
        FaultKinds.Judge(new NativeFault { Code = 4, Trap = trap }).Kind == CpuFaultKind.InvalidOpcode;

    [Theory]
    [InlineData(0xC2, 0x51, 0xC2)]
    [InlineData(0, 0x51, 0x51)] // an emulator that sets no CR2
    public void A_page_fault_has_the_address_that_is_known(ulong cr2, ulong reported, ulong address) => Assert.Equal(
        address, FaultKinds.Judge(new NativeFault { Code = 11, Trap = 14, PageFaultAddress = cr2, ReportedAddress = reported }).Address.Value);

    [Theory]
    [InlineData(0xC0000005, 13, CpuFaultKind.GeneralProtection)]
    [InlineData(0xC000001E, -1, CpuFaultKind.Other)]
    public void On_Windows_the_handler_derived_it(uint code, int trap, CpuFaultKind kind)
    {
        CpuFault fault = FaultKinds.Judge(new NativeFault { Code = code, Trap = trap });

        Assert.Equal((kind, trap), (fault.Kind, fault.TrapNumber));
    }
}
