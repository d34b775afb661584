using FsCheck.Xunit;
using Hypercall.Native;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Linux.Tests.Kernel;

public sealed unsafe class KernelModuleChannelTests
{
    private readonly StubModule _module = new();

    [Property]
    public void All_15_registers_go_in_and_come_back_each_in_its_place(ulong seed)
    {
        HypercallRegisters sent = Frame(seed);
        HypercallRegisters seen = default;
        _module.OnCall = call =>
        {
            call->CopyTo(ref seen);
            HypercallRegisters answer = Frame(~seed);
            *call = new ModuleAbi.Call(in answer);
        };
        HypercallRegisters registers = sent;
        Assert.True(Open().TryInvoke(ref registers).IsCompleted);
        Assert.Equal(sent, seen);
        Assert.Equal(Frame(~seed), registers);
    }

    [Theory]
    [InlineData(6u, CpuFaultKind.InvalidOpcode)]
    [InlineData(13u, CpuFaultKind.GeneralProtection)]
    [InlineData(14u, CpuFaultKind.PageFault)]
    [InlineData(17u, CpuFaultKind.Other)]
    public void A_fault_is_told_by_its_vector_and_changes_no_register(uint vector, CpuFaultKind kind)
    {
        _module.OnCall = call => (call->Fault, call->Rbx) = (vector, 99);
        HypercallRegisters registers = Frame(1);
        HypercallStatus status = Open().TryInvoke(ref registers);
        Assert.True(status.IsFaulted);
        Assert.Equal((kind, (int)vector), (status.Fault.Kind, status.Fault.TrapNumber));
        Assert.Equal("kernel-module", status.Fault.Target?.ProviderName);
        Assert.Equal(Frame(1), registers);
        Assert.DoesNotContain("signal", status.Fault.ToString(), StringComparison.Ordinal); // the kernel caught it: there was none
    }

    [Fact]
    public void A_call_that_the_list_does_not_name_is_refused_with_the_line_that_opens_it()
    {
        _module.Errors[ModuleAbi.CallCommand] = StubModule.EACCES;
        HypercallRegisters registers = new() { Rax = 17 };
        ChannelRefusal refusal = Open().TryInvoke(ref registers).Refusal!;
        Assert.Equal((ModuleAbi.Device, StubModule.EACCES, false), (refusal.Channel, refusal.ErrorCode, refusal.IsTransient));
        Assert.Contains("allow-list does not name the call", refusal.Reason, StringComparison.Ordinal);
        Assert.Contains("RAX 0x11", refusal.Reason, StringComparison.Ordinal);
        Assert.Contains("echo bitvisor:17 >/sys/module/hypercall/parameters/allow", refusal.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("integrity", "locked down (integrity)", "sign")]
    [InlineData(null, "or a sandbox", "sandbox")]
    public void Lockdown_is_told_where_the_kernel_says_that_there_is_one(string? lockdown, string reason, string remedy)
    {
        _module.Errors[ModuleAbi.CallCommand] = StubModule.EPERM;
        _module.Kernel.Lockdown = lockdown;
        HypercallRegisters registers = default;
        ChannelRefusal refusal = Open().TryInvoke(ref registers).Refusal!;
        Assert.Contains(reason, refusal.Reason, StringComparison.Ordinal);
        Assert.Contains(remedy, refusal.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_error_is_told_as_that_error()
    {
        _module.Errors[ModuleAbi.CallCommand] = 5;
        HypercallRegisters registers = default;
        Assert.Contains("EIO", Open().TryInvoke(ref registers).Refusal!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_is_not_there_refuses_each_call_until_it_is()
    {
        _module.Kernel.Devices.Remove(ModuleAbi.Device);
        IHypercallChannel channel = Open();
        HypercallRegisters registers = default;
        ChannelRefusal refusal = channel.TryInvoke(ref registers).Refusal!;
        Assert.Same(refusal, channel.TryInvoke(ref registers).Refusal);
        Assert.Contains("the kernel module is not loaded", refusal.Reason, StringComparison.Ordinal);

        _module.Kernel.Devices[ModuleAbi.Device] = 0;
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
    }

    [Fact]
    public void The_device_is_opened_with_the_rights_of_when_the_channel_was_made()
    {
        IHypercallChannel channel = Open();
        _module.Kernel.Devices[ModuleAbi.Device] = -StubModule.EACCES; // root was given up
        HypercallRegisters registers = default;
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
    }

    [Fact]
    public void A_disposed_channel_closes_the_device_and_calls_no_more()
    {
        IHypercallChannel channel = Open();
        ((IDisposable)channel).Dispose();
        HypercallRegisters registers = default;
        _ = Assert.Throws<ObjectDisposedException>(() => channel.TryInvoke(ref registers));
        Assert.Equal(0, _module.Kernel.OpenFiles);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(StubModule.EACCES)]
    public void A_call_allocates_nothing_nor_does_the_second_one_that_is_refused(int error)
    {
        _module.Errors[ModuleAbi.CallCommand] = error;
        IHypercallChannel channel = Open();
        _module.Kernel.Lists = false;
        long before = 0;
        for (int i = 0; i < 1100; i++)
        {
            if (i == 100) // the code is as it stays
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            HypercallRegisters registers = new() { Rax = 5 };
            _ = channel.TryInvoke(ref registers);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_machine_calls_through_it_and_closes_it_when_it_is_disposed()
    {
        _module.OnCall = call => call->Rax = call->Rbx + call->Rcx;
        using (NativeMachine machine = new([new KernelModuleProvider(_module.Kernel)]))
        {
            HypercallFunction add = new(machine, HypercallConvention.BitVisor, 7);
            Assert.Equal(42ul, add.Call(40, 2).Value);
            Assert.Equal("kernel-module", machine.Target.Way);
        }

        Assert.Equal(0, _module.Kernel.OpenFiles);
    }

    private static HypercallRegisters Frame(ulong seed)
    {
        HypercallRegisters registers = default;
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            seed = (seed * 6364136223846793005) + 1442695040888963407; // Knuth's MMIX
            registers[register] = seed;
        }

        return registers;
    }

    private IHypercallChannel Open()
    {
        KernelModuleProvider provider = new(_module.Kernel);
        return provider.Open(
            new HypercallTarget(CpuIdentity.Read(new MadeUpCpuid("AuthenticAMD")), provider), NullLoggerFactory.Instance);
    }
}
