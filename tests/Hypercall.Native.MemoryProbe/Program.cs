using Hypercall;
using Hypercall.BitVisor;
using Hypercall.Native;
using Hypercall.Native.MemoryProbe;
using Hypercall.Tests;

// What memory does in a process with fewer rights than the one that runs the tests. One line of "key: value" for each thing
// tried. Arguments: [--memlock BYTES] [--no-io-uring] [--no-more-files] [--unmount-proc] [--give-root-up |
// --give-root-up-for-a-while | --give-root-up-on-one-thread | --crash]; or those of LimitModes or WayModes.
if (LimitModes.TryRun(args) || WayModes.TryRun(args))
{
    return 0;
}

bool noMoreFiles = false;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--memlock":
            Restrictions.LimitLockedMemory(ulong.Parse(args[++i], System.Globalization.CultureInfo.InvariantCulture));
            break;
        case "--no-io-uring":
            Restrictions.BlockIoUring();
            break;
        case "--give-root-up":
            Privileges.GiveUp();
            return 0;
        case "--give-root-up-for-a-while":
            Privileges.GiveUpForAWhile();
            return 0;
        case "--give-root-up-on-one-thread":
            Privileges.GiveUpOnOneThread();
            return 0;
        case "--crash":
            Crash.WithSecrets();
            break;
        case "--unmount-proc":
            Restrictions.UnmountProc();
            break;
        case "--no-more-files":
            noMoreFiles = true;
            break;
        default:
            Console.Error.WriteLine($"Unknown argument '{args[i]}'.");
            return 2;
    }
}

NativeGuestMemory memory = new(new WarningPrinter());
Console.WriteLine($"root: {Environment.IsPrivilegedProcess}");
if (noMoreFiles)
{
    // What is loaded when it is first needed needs a descriptor, so it is needed once before.
    new NativeGuestMemory(pinning: PinningMechanism.RamFs).TryOpenWindow(new byte[1], GuestBufferOptions.Default, out _, out GuestMemoryRefusal? why);
    Report("warm", done: false, null, why);
    Allocate("warm-locked", 40_000, new GuestBufferOptions { Residency = Residency.Locked });
    Restrictions.AllowNoMoreFiles();
}

Allocate("touched", 40_000, new GuestBufferOptions { Residency = Residency.Touched });
Allocate("locked", 40_000, new GuestBufferOptions { Residency = Residency.Locked });
Allocate("pinned", 40_000, GuestBufferOptions.Default);
Allocate("pinned-or-fallback", 40_000, new GuestBufferOptions { AllowFallback = true });
if (noMoreFiles)
{
    Console.WriteLine("end: reached"); // what follows loads more
    return 0;
}

Allocate("one-page", 4096, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous });
Allocate("contiguous", 8192, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous });
Allocate("contiguous-or-fallback", 8192, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous, AllowFallback = true });
using (GuestBuffer held = memory.Allocate(500_000, new GuestBufferOptions { Residency = Residency.Locked, AllowFallback = true }))
{
    Allocate("too-much-locked", 8 << 20, new GuestBufferOptions { Residency = Residency.Locked });
}

Allocate("too-much-pinned", 8 << 20, GuestBufferOptions.Default);
Allocate("too-much-or-fallback", 8 << 20, new GuestBufferOptions { AllowFallback = true });

byte[] array = GC.AllocateArray<byte>(9_000, pinned: true);
Report("window", memory.TryOpenWindow(array.AsMemory(7, 8_000), new GuestBufferOptions { Residency = Residency.Locked }, out GuestBuffer? window, out GuestMemoryRefusal? no), window, no);
window?.Dispose();
Report("window-too-large", memory.TryOpenWindow(new byte[8 << 20], new GuestBufferOptions { Residency = Residency.Locked }, out window, out no), window, no);
window?.Dispose();

Report("window-pinned", memory.TryOpenWindow(array.AsMemory(7, 8_000), GuestBufferOptions.Default, out window, out no), window, no);
window?.Dispose();
Report("window-unmapped", memory.TryOpenWindow(new GuestVirtualAddress(0x10_0000_1000), 4096, new GuestBufferOptions { Residency = Residency.Touched }, out window, out no), window, no);
using (GuestBuffer buffer = memory.Allocate(40_000, Residency.Touched))
{
    bool asked = buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal);
    Console.WriteLine($"touched-pages: {(asked ? string.Join(' ', map!.Pages.ToArray().Select(page => page.State).Distinct()) : refusal!.Reason)}");
}

using (GuestBuffer buffer = memory.Allocate(40_000, new GuestBufferOptions { AllowFallback = true }))
{
    bool asked = buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal);
    Console.WriteLine($"page-map: {(asked ? map!.Pages.Span[0].ToString() : refusal!.Reason.ToString())}");
    bool known = asked && map!.TryGetPagedRange(out _, out refusal);
    Console.WriteLine($"frames: {(known ? "known" : refusal!.Reason + " | " + refusal.Message)}");

    HypercallFunction function = new BitVisorClient(new MadeUpMachine(new ReadingVmm(), memory)).GetFunction("read");
    buffer.Span.Fill(1);
    foreach (Passing passing in known ? [Passing.Virtual] : Passing.All)
    {
        // The VMM in here has no physical addresses: nothing may arrive there by one.
        TransferResult result = function.TryTransfer(
            buffer, passing, Direction.ToVmm, TransferRule.CompletedMeansAll, new TransferOptions { AcceptMemoryCorruptionIfPagesMove = true });
        Console.WriteLine($"transfer-{passing}: {result.Outcome} {result.BytesDone} rax={result.Registers.Rax} {result.Refusal?.Reason} | {result.Refusal?.Message}");
    }
}

Allocate(
    "large-contiguous-or-fallback", 2 << 20, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous, AllowFallback = true });
Allocate("large-contiguous", 2 << 20, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous });
using (GuestBuffer buffer = memory.Allocate(40_000, Residency.Touched))
{
    buffer.Touch();
    Console.WriteLine($"excluded: {buffer.ExcludedFrom}");
    Console.WriteLine($"zeroed: {buffer.Span.IndexOfAnyExcept((byte)0) < 0}");
}

Console.WriteLine($"stdin: {Restrictions.IsOpen(0)}");
Console.WriteLine("end: reached");

return 0;

void Allocate(string what, long length, GuestBufferOptions options)
{
    bool done = memory.TryAllocate(length, options, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal);
    Report(what, done, buffer, refusal);
    buffer?.Dispose();
}

static void Report(string what, bool done, GuestBuffer? buffer, GuestMemoryRefusal? refusal) => Console.WriteLine(
    done ? $"{what}: {buffer!.Residency} {buffer.Contiguity}" : $"{what}: {refusal!.Reason} limit={refusal.Limit} needed={refusal.Needed} | {refusal.Message}");
