namespace Hypercall.Testing;

/// <summary>
/// How a fake VMM behaves towards a hypercall: which CPU fault the instruction raises, whom it serves, what it answers to a
/// number that it does not serve, whether it finds functions by name, and what CPUID shows of it. Those of known VMMs are ready;
/// one's own is one class.
/// </summary>
/// <remarks>
/// <code>
/// instruction ---> Fault ----------> #UD, #GP, #PF: the VMM's functions hear nothing
///                    |
///                 Watches --------> CPUID, IN and OUT only: the hardware answers, the VMM hears nothing
///                    |
///                  Admit ----------> the VMM answers at once: KVM's -1 to user mode
///                    |
///                  a function that a test registered, by convention and number or by name
///                    |
///                  AnswerUnserved    none: KVM's -1000, Xen's -38, Hyper-V's 2
/// </code>
/// <para>Members are called from any number of threads: keep a personality immutable. Two machines behave alike when they have
/// the same one.</para>
/// </remarks>
/// <example>
/// <code>
/// sealed class MyVmm() : FakeVmmPersonality("MyVmm", HypercallConvention.Xen)
/// {
///     public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = 0xdead;
/// }
/// </code>
/// </example>
public abstract class FakeVmmPersonality
{
    /// <summary>Describes a VMM.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="convention">In which convention it is called.</param>
    protected FakeVmmPersonality(string name, HypercallConvention convention)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(convention);
        Name = name;
        Convention = convention;
    }

    /// <summary>BitVisor by the letter of its ABI: functions by name, from user mode; CPUID shows no trace of it.</summary>
    public static FakeVmmPersonality BitVisor { get; } = new BitVisorPersonality();

    /// <summary>
    /// BitVisor as a build of May 2026 behaved: as <see cref="BitVisor"/>, and it checks no rights, shows its own memory as
    /// zeros, and maps what is no memory.
    /// </summary>
    public static FakeVmmPersonality BitVisorAsSeen { get; } = new BitVisorAsSeenPersonality();

    /// <summary>KVM: RAX = -1 from user mode, -1000 for a number that it does not serve.</summary>
    public static FakeVmmPersonality Kvm { get; } = new KvmPersonality();

    /// <summary>KVM whose guest sees Hyper-V's leaves of CPUID before KVM's own.</summary>
    public static FakeVmmPersonality KvmWithHyperV { get; } = new KvmWithHyperVPersonality();

    /// <summary>Xen under a PVH or HVM guest: RAX = -1 from user mode, -38 for a number that it does not serve.</summary>
    public static FakeVmmPersonality Xen { get; } = new XenPersonality();

    /// <summary>Xen under a PV guest: #UD for a program; only the guest's kernel gets through.</summary>
    public static FakeVmmPersonality XenPv { get; } = new XenPvPersonality();

    /// <summary>Hyper-V: #UD from user mode, status 2 for a call code that it does not serve.</summary>
    public static FakeVmmPersonality HyperV { get; } = new HyperVPersonality();

    /// <summary>VMware's backdoor, by instruction and by port: EAX = 0xffffffff for a command that it does not serve.</summary>
    public static FakeVmmPersonality Vmware { get; } = new VmwarePersonality();

    /// <summary>
    /// ACRN, as its Service VM meets it: #GP from user mode, -25 for a number that it does not serve. Intel only.
    /// </summary>
    public static FakeVmmPersonality Acrn { get; } = new AcrnPersonality();

    /// <summary>Nyx: a KVM that serves a fuzzer's calls (RAX = 0x1f) from user mode, too. Intel only.</summary>
    public static FakeVmmPersonality Nyx { get; } = new NyxPersonality();

    /// <summary>Completes every call and changes no register.</summary>
    public static FakeVmmPersonality Deaf { get; } = new DeafPersonality();

    /// <summary>No VMM: every call raises #UD, and CPUID's hypervisor bit is clear.</summary>
    public static FakeVmmPersonality None { get; } = new NoPersonality();

    /// <summary>All of the ready ones.</summary>
    public static IReadOnlyList<FakeVmmPersonality> All { get; } =
        [BitVisor, BitVisorAsSeen, Kvm, KvmWithHyperV, Xen, XenPv, HyperV, Vmware, Acrn, Nyx, Deaf, None];

    /// <summary>Its name: that of its property here, for a ready one.</summary>
    public string Name { get; }

    /// <summary>In which convention it is called.</summary>
    public HypercallConvention Convention { get; }

    /// <summary>What it does, rule by rule, and who says so. The default is nothing.</summary>
    public virtual IReadOnlyList<FakeVmmRule> Rules => [];

    /// <summary>What it calls itself in CPUID. The default is nothing.</summary>
    public virtual IReadOnlyList<FakeCpuidSignature> Signatures => [];

    /// <summary>Whether it sets CPUID's hypervisor bit (leaf 1, ECX bit 31). By default one that has signatures does.</summary>
    public virtual bool SetsHypervisorBit => Signatures.Count != 0;

    /// <summary>
    /// CPUID's vendor string of a CPU that it runs on, for a machine that names none. The default is <c>AuthenticAMD</c>.
    /// </summary>
    public virtual string CpuVendor => "AuthenticAMD";

    /// <summary>CPUID's brand string of such a CPU.</summary>
    internal virtual string Brand => "Hypercall Fake Processor";

    /// <summary>What it calls itself in the CPUID that it emulates behind Xen's prefix, where it does.</summary>
    internal virtual IReadOnlyList<FakeCpuidSignature> ForcedSignatures => [];

    /// <summary>A leaf for hypervisors that holds no name.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="cpu">The CPU.</param>
    internal virtual CpuidResult LeafAt(uint leaf, CpuIdentity cpu) => default;

    /// <summary>Whether it can hear of CPUID, IN and OUT at all, whatever was registered.</summary>
    internal virtual bool CanWatch => true;

    /// <summary>What the guest's kernel shows of it: the text of a small file; null where there is none.</summary>
    /// <param name="path">Its absolute path.</param>
    internal virtual string? FileAt(string path) => null;

    /// <summary>
    /// Whether number 0 finds functions by name, as BitVisor's does: the first argument is the guest virtual address of the name,
    /// the result the number. The default is false, and then functions that were registered by name are out of reach.
    /// </summary>
    public virtual bool FindsNames => false;

    /// <summary>
    /// The registers in which a function may leave anything, beside its answer: <see cref="FakeFaultKind.Clobber"/>. The default
    /// is none.
    /// </summary>
    public virtual IReadOnlyList<GeneralRegister> Overwrites => [];

    /// <summary>Whether a walk of the guest's page table heeds the caller's privilege level. The default is true.</summary>
    public virtual bool ChecksRights => true;

    /// <summary>
    /// Whether guest-physical addresses where no memory is can be mapped; they read as ones. The default is false.
    /// </summary>
    public virtual bool MapsHoles => false;

    /// <summary>What each byte of its own memory, which it fakes as ROM, reads as. The default is 0xff.</summary>
    public virtual byte RomByte => 0xFF;

    /// <summary>
    /// The fault that the instruction raises instead of calling. The default is #UD for every instruction but the CPU's own
    /// hypercall, CPUID, IN and OUT. A #PF hits the bytes of the instruction, as of a VMM that patches it.
    /// </summary>
    /// <param name="vmExit">The instruction.</param>
    /// <param name="registers">The registers that it came with.</param>
    /// <returns>The fault; <see cref="CpuFaultKind.None"/> when it calls.</returns>
    public virtual CpuFaultKind Fault(FakeExit vmExit, in HypercallRegisters registers)
    {
        ArgumentNullException.ThrowIfNull(vmExit);
        return vmExit.Kind == FakeExitKind.Hypercall || vmExit.IsWatched ? CpuFaultKind.None : CpuFaultKind.InvalidOpcode;
    }

    /// <summary>
    /// Whether it watches this leaf of CPUID, or this port: then it answers every number of it. By default it does where its
    /// convention names the leaf or the port, and the call is in that convention. (A function that a test registered by a
    /// convention that names a leaf or a port is served whatever this says: <see cref="FakeMachine"/>.On.) Not asked for other
    /// instructions.
    /// </summary>
    /// <param name="vmExit">The instruction: CPUID, IN or OUT.</param>
    /// <param name="registers">The registers: a leaf is in EAX, a port in DX.</param>
    public virtual bool Watches(FakeExit vmExit, in HypercallRegisters registers)
    {
        ArgumentNullException.ThrowIfNull(vmExit);
        return vmExit.IsNamedBy(Convention) && FakeConventions.IsCall(Convention, in registers);
    }

    /// <summary>Whether the call goes to a function. The default is true.</summary>
    /// <param name="vmExit">The instruction.</param>
    /// <param name="registers">The registers. Where the call goes to none, they are the answer when this returns.</param>
    public virtual bool Admit(FakeExit vmExit, ref HypercallRegisters registers) => true;

    /// <summary>Answers a call of a number that it does not serve. By default it changes nothing.</summary>
    /// <param name="vmExit">The instruction.</param>
    /// <param name="registers">The registers, in and out.</param>
    public virtual void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers)
    {
    }

    /// <summary>
    /// Refuses a call that it could serve, for a planned fault (<see cref="FakeFaultKind.Refuse"/>). By default it changes
    /// nothing.
    /// </summary>
    /// <param name="vmExit">The instruction.</param>
    /// <param name="registers">The registers, in and out.</param>
    public virtual void Refuse(FakeExit vmExit, ref HypercallRegisters registers)
    {
    }

    /// <summary>
    /// Answers as another VMM in its place would, for a planned fault (<see cref="FakeFaultKind.RefuseForeign"/>). By default
    /// that one writes RAX.
    /// </summary>
    /// <param name="value">The fault's value.</param>
    /// <param name="registers">The registers, in and out.</param>
    public virtual void AnswerForeign(ulong value, ref HypercallRegisters registers) => registers.Rax = value;

    /// <summary>
    /// The C# expression that gives it. That of one's own is a call of its constructor, without arguments unless this is
    /// overridden.
    /// </summary>
    public virtual string ToCSharp() => All.Contains(this) ? $"{nameof(FakeVmmPersonality)}.{Name}" : $"new {GetType().Name}()";

    /// <inheritdoc/>
    public override string ToString() => Name;
}
