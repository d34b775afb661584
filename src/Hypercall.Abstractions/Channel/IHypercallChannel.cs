namespace Hypercall;

/// <summary>
/// The only way down: executes one hypercall with a register frame. Fakes, decorators and the real CPU all stand behind
/// this one method.
/// </summary>
/// <remarks>
/// An implementation is safe to call from any number of threads at once, and allocates nothing. Whatever memory the
/// registers point to must stay where it is until the call returns: see <see cref="GuestBuffer.Lease"/>.
/// </remarks>
public interface IHypercallChannel
{
    /// <summary>
    /// Loads the 15 registers, executes the instruction, and stores the 15 registers the VMM left behind.
    /// </summary>
    /// <param name="registers">
    /// The frame, in and out. When the call does not complete it is unchanged.
    /// </param>
    /// <returns>
    /// Completed, or which CPU fault the instruction raised, or why the channel itself refused. Completed says only that the
    /// instruction did: whether the VMM knew the call, and in which ABI it answered, is in the registers.
    /// </returns>
    HypercallStatus TryInvoke(ref HypercallRegisters registers);

    /// <summary>
    /// The registers that go into the VMM; all of them, unless a device of the guest's kernel stands in between.
    /// </summary>
    RegisterSet Carries => RegisterSet.All;

    /// <summary>The registers that come back.</summary>
    RegisterSet Returns => RegisterSet.All;

    /// <summary>
    /// The register of the call's number, where the channel itself reads it, as Xen's device does; null where only the VMM does.
    /// A convention that has its number elsewhere cannot be carried.
    /// </summary>
    GeneralRegister? NumberRegister => null;

    /// <summary>
    /// Bits that the channel itself fills in every frame, and with what: a port's number in RDX[15:0]. What the caller has there
    /// does not go in. A convention that puts anything else there cannot be carried. Empty, unless the instruction needs it.
    /// </summary>
    IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => [];
}
