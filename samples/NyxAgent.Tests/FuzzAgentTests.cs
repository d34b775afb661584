using System.Runtime.CompilerServices;
using System.Text;
using Hypercall;
using Hypercall.Testing;

namespace NyxAgent.Tests;

public sealed class FuzzAgentTests
{
    [Fact]
    public void The_handshake_and_an_input_go_in_their_order()
    {
        FakeFuzzer fuzzer = new("one"u8.ToArray(), "two"u8.ToArray());
        using FuzzAgent agent = new(fuzzer.AddTo(new FakeMachine(FakeVmmPersonality.Nyx)));
        List<string> inputs = [];

        NyxAbi.HostConfig host = agent.Shake();
        agent.RunOnce(input => inputs.Add(Encoding.ASCII.GetString(input.Span)));
        agent.RunOnce(input => inputs.Add(Encoding.ASCII.GetString(input.Span)));

        Assert.Equal(1u << 12, host.PayloadBytes);
        Assert.Equal(["one", "two"], inputs);
        Assert.Equal(
            [
                "acquire", "release", "mode 0", "host config", "agent config", "payload",
                "next", "acquire", "release",
                "next", "acquire", "release",
            ],
            fuzzer.Calls);
        NyxAbi.AgentConfig asked = fuzzer.Agent;
        Assert.Equal((NyxAbi.AgentMagic, NyxAbi.AgentVersion, 1u << 16), (asked.Magic, asked.Version, asked.CoverageBitmapBytes));
    }

    // nyx_api.h: both are packed.
    [Fact]
    public void The_structs_are_as_long_as_the_fuzzers() =>
        Assert.Equal((24, 37), (Unsafe.SizeOf<NyxAbi.HostConfig>(), Unsafe.SizeOf<NyxAbi.AgentConfig>()));

    [Fact]
    public void A_KVM_without_the_fuzzer_is_told_apart()
    {
        using FuzzAgent agent = new(new FakeMachine(FakeVmmPersonality.Kvm));
        _ = Assert.Throws<ForeignVmmException>(() => agent.Shake());
    }

    [Fact]
    public void A_fuzzer_of_another_version_is_refused()
    {
        FakeFuzzer fuzzer = new([1]) { Host = new NyxAbi.HostConfig { Magic = NyxAbi.HostMagic, Version = 9 } };
        using FuzzAgent agent = new(fuzzer.AddTo(new FakeMachine(FakeVmmPersonality.Nyx)));

        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => agent.Shake());

        Assert.Contains("version 9", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_VMM_that_ignores_the_calls_is_no_fuzzer()
    {
        using FuzzAgent agent = new(new FakeMachine(FakeVmmPersonality.Nyx));
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => agent.Shake());
        Assert.Contains("magic 0x0", e.Message, StringComparison.Ordinal);
    }
}
