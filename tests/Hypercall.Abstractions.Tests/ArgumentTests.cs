using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;
using NSubstitute;
using Technique = Hypercall.Passing;

namespace Hypercall.Tests;

/// <summary>What is missing is refused at the door, by its name, and not somewhere inside.</summary>
public class ArgumentTests
{
    private static readonly ScriptedMachine Machine = ScriptedMachine.Answering();
    private static readonly HypercallFunction Function = new(Machine, HypercallConvention.BitVisor, 1);

    private static readonly Dictionary<string, Action> Missing = new(StringComparer.Ordinal)
    {
        ["machine: BitVisorClient"] = () => _ = new BitVisorClient(null!),
        ["name: TryGetFunction"] = () => _ = new BitVisorClient(Machine).TryGetFunction(null!),
        ["slice: TryTransfer"] = () => _ = Function.TryTransfer(default, Technique.Virtual, Direction.Both, TransferRule.CompletedMeansAll),
        ["passing: TryTransfer"] = () => _ = Function.TryTransfer(Machine.Allocate(1), null!, Direction.Both, TransferRule.CompletedMeansAll),
        ["rule: TryTransfer"] = () => _ = Function.TryTransfer(Machine.Allocate(1), Technique.Virtual, Direction.Both, null!),
        ["rule: TryTransfer of words"] = () => _ = Function.TryTransfer(new ulong[1], Direction.Both, null!),
        ["machine: HypercallFunction"] = () => _ = new HypercallFunction((IHypercallMachine)null!, HypercallConvention.Kvm, 1),
        ["machine: WithChannel"] = () => _ = HypercallMachineExtensions.WithChannel(null!, Machine),
        ["channel: WithChannel"] = () => _ = HypercallMachineExtensions.WithChannel(Machine, null!),
        ["convention: HypercallFunction"] = () => _ = new HypercallFunction(Machine, null!, 1),
        ["convention: HypercallResult"] = () => _ = new HypercallResult(null!, 1, default),
        ["format: ListOf"] = () => _ = Technique.ListOf(null!),
        ["structure: Structure"] = () => _ = TransferLayout.Structure(0, null!),
        ["name: DescriptorFormat"] = () => _ = new DescriptorFormat(null!, 1, (in _, _) => 1),
        ["write: DescriptorFormat"] = () => _ = new DescriptorFormat("d", 1, null!),
        ["description: Create"] = () => _ = TransferRule.Create(null!, (in _, length) => TransferAnswer.Done(length)),
        ["judge: Create"] = () => _ = TransferRule.Create("r", null!),
        ["value: Words"] = () => _ = new TransferOptions { Words = null! },
        ["vmm: VmmShell"] = () => _ = new VmmShell(null!),
        ["input: Run"] = () => _ = new VmmShell(new BitVisorClient(Machine)).Run(null!, Stream.Null),
        ["output: Run"] = () => _ = new VmmShell(new BitVisorClient(Machine)).Run(Stream.Null, null!),
        ["input: RunAsync"] = () => new VmmShell(new BitVisorClient(Machine)).RunAsync(null!, Stream.Null).GetAwaiter().GetResult(),
        ["output: RunAsync"] = () => new VmmShell(new BitVisorClient(Machine)).RunAsync(Stream.Null, null!).GetAwaiter().GetResult(),
        ["vmm: VmmStatusClient"] = () => _ = new VmmStatusClient(null!),
        ["channel: Invoke"] = () => Invoke(null!),
        ["channel: TryCall"] = () => _ = HypercallConventionExtensions.TryCall(null!, HypercallConvention.Kvm, 1, [], out _),
        ["convention: TryCall"] = () => _ = Machine.TryCall(null!, 1, [], out _),
        ["name: HypercallConvention"] = () => _ = new HypercallConvention(null!, GeneralRegister.Rax, []),
        ["arguments: HypercallConvention"] = () => _ = new HypercallConvention("c", GeneralRegister.Rax, null!),
        ["source: HypercallConvention"] = () => _ = new HypercallConvention("c", GeneralRegister.Rax, [], source: null!),
        ["description: HypercallFailureRule"] = () => _ = new HypercallFailureRule(null!, _ => false),
        ["isFailure: HypercallFailureRule"] = () => _ = new HypercallFailureRule("never", null!),
        ["cpuid: Read"] = () => _ = CpuIdentity.Read(null!),
        ["mnemonic: HypercallInstruction"] = () => _ = new HypercallInstruction(null!, [0x90]),
        ["cpuid: Select"] = () => _ = HypercallTarget.Select(null!, []),
        ["providers: Select"] = () => _ = HypercallTarget.Select(new MadeUpCpuid("v"), null!),
        ["providers: Alternatives"] = () => _ = new HypercallTarget(new CpuIdentity { Vendor = "v" }, new MadeUpProvider("p", null)).Alternatives(null!),
        ["channel: TryInvokeAll"] = () => _ = HypercallChannelExtensions.TryInvokeAll(null!, [], out _),
        ["refusal: Refused"] = () => _ = HypercallStatus.Refused(null!),
        ["refusal: HypercallRefusedException"] = () => _ = new HypercallRefusedException(null!),
        ["cpu: ByVendor"] = () => _ = HypercallProbe.ByVendor(null!, "v"),
        ["vendors: ByVendor"] = () => _ = HypercallProbe.ByVendor(new CpuIdentity { Vendor = "v" }, null!),
        ["builder: Configure"] = () => _ = HypercallBuilderExtensions.Configure(null!, _ => { }),
        ["builder: AddProvider"] = () => _ = HypercallBuilderExtensions.AddProvider<IHypercallProvider>(null!),
        ["builder: TryUseMachine"] = () => _ = HypercallBuilderExtensions.TryUseMachine(null!, _ => Substitute.For<IHypercallMachine>()),
        ["builder: UseMachine"] = () => _ = HypercallBuilderExtensions.UseMachine(null!, _ => Substitute.For<IHypercallMachine>()),
        ["services: AddHypercall"] = () => _ = HypercallServiceCollectionExtensions.AddHypercall(null!, _ => { }),
        ["configure: AddHypercall"] = () => _ = new ServiceCollection().AddHypercall(null!),
        ["memory: Allocate"] = () => _ = GuestMemoryExtensions.Allocate(null!, 1),
        ["memory: OpenWindow of memory"] = () => _ = GuestMemoryExtensions.OpenWindow(null!, new byte[1], GuestBufferOptions.Default),
        ["memory: OpenWindow of an address"] = () => _ = GuestMemoryExtensions.OpenWindow(null!, new GuestVirtualAddress(1), 1, GuestBufferOptions.Default),
        ["memory: QueryPages"] = () => _ = GuestMemoryExtensions.QueryPages(null!, new GuestVirtualAddress(1), 1),
        ["buffer: GuestSlice"] = () => _ = new GuestSlice(null!, 0, 1),
        ["buffer: GuestSlice of a whole buffer"] = () => _ = (GuestSlice)(GuestBuffer)null!,
        ["holder: Lease"] = () => _ = Machine.Allocate(1).Lease(null!),
        ["reason: Failed"] = () => _ = TransferAnswer.Failed(null!),
        ["refusal: GuestMemoryException"] = () => _ = new GuestMemoryException(null!),
        ["result: TransferException"] = () => _ = new TransferException(null!),
        ["result: TransferCanceledException"] = () => _ = new TransferCanceledException(null!, default),
    };

    public static TheoryData<string> Cases => [.. Missing.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void What_is_missing_is_refused_by_its_name(string what) =>
        Assert.Equal(what[..what.IndexOf(':', StringComparison.Ordinal)], Assert.Throws<ArgumentNullException>(Missing[what]).ParamName);

    private static void Invoke(IHypercallChannel channel)
    {
        HypercallRegisters registers = default;
        channel.Invoke(ref registers);
    }
}
