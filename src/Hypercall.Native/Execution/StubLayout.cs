namespace Hypercall.Native.Execution;

/// <summary>Where things lie in a stub slot, which is a page of its own.</summary>
/// <remarks>
/// One slot is one page because memory protection is per page: a page that has run is never written again.
/// <code>
/// 000          int3 ...
///      entry:  save what the caller keeps; push end of frames, fault record, frame; vzeroupper (where there is AVX)
///      load:   load 15 registers
/// 080          the instruction, 1 to 15 bytes               the only address at which a fault becomes a result
///              push RAX; store 15 registers; next frame: below the end, to load; cld; EAX = 0; restore; ret
/// 180          fault exit: registers and frame to the fault record; cld; EAX = 1; restore; ret
///              int3 ...                                                                                   FFF
/// </code>
/// The entry is wherever the instruction, which never moves, lets it be.
/// </remarks>
internal static class StubLayout
{
    public const int SlotShift = 12;
    public const int SlotSize = 1 << SlotShift;
    public const int Instruction = 0x80;
    public const int FaultExit = 0x180;
}
