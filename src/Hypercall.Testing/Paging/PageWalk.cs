using System.Globalization;

namespace Hypercall.Testing;

/// <summary>
/// What a walk of the guest's page table came to: a translation, a #PF, or a #GP.
/// </summary>
/// <remarks>
/// <code>
///                     IsCanonical  IsPresent  IsTableMissing
///   translated           yes          yes          no         Address, PageSize, IsWritable, IsUser, IsNoExecute
///   #PF                  yes          no           no         ErrorCode, FailedLevel; protection only: PageSize, IsWritable, ...
///   #GP(0)               no           no           no         nothing: no entry was read
///   table in no RAM      yes          no           yes        FailedLevel
/// </code>
/// </remarks>
public readonly struct PageWalk
{
    /// <summary>Whether the address has a translation that permits the access. Otherwise the CPU raises a fault.</summary>
    public bool IsPresent { get; internal init; }

    /// <summary>Where the byte lies; 0 unless <see cref="IsPresent"/>.</summary>
    public GuestPhysicalAddress Address { get; internal init; }

    /// <summary>Size of the page in bytes: 4 KiB, 2 MiB or 1 GiB; 0 where there is no translation.</summary>
    public long PageSize { get; internal init; }

    /// <summary>
    /// Whether R/W is set in every entry of the translation: Intel SDM vol. 3A, section 4.6.1; AMD APM vol. 2, section 5.6.
    /// </summary>
    public bool IsWritable { get; internal init; }

    /// <summary>Whether U/S is set in every entry of the translation.</summary>
    public bool IsUser { get; internal init; }

    /// <summary>Whether NX is set in any entry of the translation.</summary>
    public bool IsNoExecute { get; internal init; }

    /// <summary>
    /// The error code of the #PF; <see cref="PageFaultErrorCode.None"/> where there is no #PF, and also where there is one for a
    /// kernel's read.
    /// </summary>
    public PageFaultErrorCode ErrorCode { get; internal init; }

    /// <summary>
    /// Where the walk ended: in a #PF the level of the entry (1 for a PTE, 2 PDE, 3 PDPTE, 4 PML4E, 5 PML5E; of several that
    /// forbid the access, the highest), or the level whose table is not in RAM; 0 for a translation, and for #GP.
    /// </summary>
    public int FailedLevel { get; internal init; }

    /// <summary>
    /// Whether bits 63 to 47 (five levels: 56) of the address are all equal. If not, the CPU raises #GP, or #SS for a stack, and
    /// never #PF: Intel SDM vol. 1, section 3.3.7.1.
    /// </summary>
    public bool IsCanonical { get; internal init; }

    /// <summary>
    /// Whether the walk needed a table in a frame that is a hole or ROM. What a CPU then reads is the platform's business, and no
    /// manual says; a VMM cannot map that frame.
    /// </summary>
    public bool IsTableMissing { get; internal init; }

    /// <summary>The outcome, without the physical address.</summary>
    public override string ToString() =>
        !IsCanonical ? "not canonical: #GP(0)"
        : IsTableMissing ? string.Create(CultureInfo.InvariantCulture, $"the table of level {FailedLevel} is not in RAM")
        : IsPresent ? string.Create(CultureInfo.InvariantCulture, $"page of {PageSize} bytes{Rights}")
        : string.Create(CultureInfo.InvariantCulture, $"#PF at level {FailedLevel}, error code 0x{(ulong)ErrorCode:x} ({ErrorCode})");

    private string Rights => (IsWritable ? ", writable" : "") + (IsUser ? ", user" : "") + (IsNoExecute ? ", no-execute" : "");
}
