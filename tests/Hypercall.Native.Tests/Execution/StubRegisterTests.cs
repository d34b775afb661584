using FsCheck.Xunit;
using Hypercall.Native.Execution;

namespace Hypercall.Native.Tests.Execution;

public sealed class StubRegisterTests
{
    [Property(Arbitrary = [typeof(RegisterFrames)], MaxTest = 500)]
    public void All_15_registers_go_in_and_come_out_each_on_its_own(HypercallRegisters goingIn, HypercallRegisters comingOut)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "The callback is emitted for Linux on x86-64.");
        CallbackHarness harness = CallbackHarness.Shared;
        lock (harness.Gate)
        {
            harness.GivenByCallback = comingOut;
            StubChannel channel = TestTarget.Channel(harness.Instruction);
            HypercallRegisters registers = goingIn;

            HypercallStatus status = channel.TryInvoke(ref registers);

            Assert.True(status.IsCompleted);
            Assert.Equal(goingIn, harness.SeenByCallback);
            Assert.Equal(comingOut, registers);
        }
    }

    [Theory]
    [InlineData((int)StubAbi.SystemV)]
    [InlineData((int)StubAbi.Windows)]
    public void What_the_caller_keeps_is_intact_after_a_call_that_changed_everything(int abi)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "The caller is emitted for Linux on x86-64.");
        CallbackHarness harness = CallbackHarness.Shared;
        lock (harness.Gate)
        {
            foreach (GeneralRegister register in HypercallRegisters.All)
            {
                harness.FrameOfCaller[register] = 100 + (ulong)register;
                harness.GivenByCallback[register] = ~(ulong)register;
            }

            HypercallRegisters goingIn = harness.FrameOfCaller;
            Stub stub = ExecutionEngine.Shared.GetStub((StubAbi)abi, harness.Instruction);

            (int returned, string[] broken) = harness.Call((StubAbi)abi, stub);

            Assert.Empty(broken);
            Assert.Equal(0, returned);
            Assert.Equal(goingIn, harness.SeenByCallback);
            Assert.Equal(harness.GivenByCallback, harness.FrameOfCaller);
        }
    }

    [Theory]
    [InlineData((int)StubAbi.SystemV)]
    [InlineData((int)StubAbi.Windows)]
    public void What_the_caller_keeps_and_the_frame_are_intact_after_a_fault(int abi)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "The caller is emitted for Linux on x86-64.");
        CallbackHarness harness = CallbackHarness.Shared;
        _ = ExecutionEngine.Shared.Guard;
        lock (harness.Gate)
        {
            foreach (GeneralRegister register in HypercallRegisters.All)
            {
                harness.FrameOfCaller[register] = 200 + (ulong)register;
            }

            HypercallRegisters goingIn = harness.FrameOfCaller;
            Stub stub = ExecutionEngine.Shared.GetStub((StubAbi)abi, TestTarget.Ud2);

            (int returned, string[] broken) = harness.Call((StubAbi)abi, stub);

            Assert.Empty(broken);
            Assert.Equal(1, returned);
            Assert.Equal(goingIn, harness.FrameOfCaller);
            Assert.Equal((4ul, 6L), (harness.FaultRecord.Code, harness.FaultRecord.Trap)); // SIGILL, #UD
        }
    }

    [Property(Arbitrary = [typeof(RegisterFrames)])]
    public void A_fault_leaves_the_frame_as_it_was(HypercallRegisters frame)
    {
        StubChannel channel = TestTarget.Channel(TestTarget.Ud2);
        HypercallRegisters registers = frame;

        HypercallStatus status = channel.TryInvoke(ref registers);

        Assert.False(status.IsCompleted);
        Assert.Equal(frame, registers);
    }

    [Fact]
    public void A_call_allocates_nothing_whether_it_completes_or_faults()
    {
        StubChannel completes = TestTarget.Channel(TestTarget.Nop);
        StubChannel faults = TestTarget.Channel(TestTarget.Ud2);
        HypercallRegisters registers = default;
        Call(); // compiles
        long before = GC.GetAllocatedBytesForCurrentThread();

        Call();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Call()
        {
            for (int i = 0; i < 1000; i++)
            {
                _ = completes.TryInvoke(ref registers);
                _ = faults.TryInvoke(ref registers);
            }
        }
    }
}
