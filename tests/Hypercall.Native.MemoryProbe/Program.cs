using Hypercall;
using Hypercall.BitVisor;
using Hypercall.Native;
using Hypercall.Native.MemoryProbe;

// What memory does in a process with fewer rights than the one that runs the tests. One line of "key: value" for each thing tried.
// Arguments: [--memlock BYTES] [--no-io-uring]
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
        default:
            Console.Error.WriteLine($"Unknown argument '{args[i]}'.");
            return 2;
    }
}

NativeGuestMemory memory = new();
Console.WriteLine($"root: {Environment.IsPrivilegedProcess}");

Allocate("touched", 40_000, new GuestBufferOptions { Residency = Residency.Touched });
Allocate("locked", 40_000, new GuestBufferOptions { Residency = Residency.Locked });
Allocate("pinned", 40_000, GuestBufferOptions.Default);
Allocate("pinned-or-fallback", 40_000, GuestBufferOptions.Default with { AllowFallback = true });
Allocate("one-page", 4096, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous });
Allocate("contiguous", 8192, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous });
Allocate("contiguous-or-fallback", 8192, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous, AllowFallback = true });
using (GuestBuffer held = memory.Allocate(500_000, new GuestBufferOptions { Residency = Residency.Locked, AllowFallback = true }))
{
    Allocate("too-much-locked", 8 << 20, new GuestBufferOptions { Residency = Residency.Locked });
}

Allocate("too-much-pinned", 8 << 20, GuestBufferOptions.Default);
Allocate("too-much-or-fallback", 8 << 20, GuestBufferOptions.Default with { AllowFallback = true });

byte[] array = GC.AllocateArray<byte>(9_000, pinned: true);
Report("window", memory.TryOpenWindow(array.AsMemory(7, 8_000), new GuestBufferOptions { Residency = Residency.Locked }, out GuestBuffer? window, out GuestMemoryRefusal? no), window, no);
window?.Dispose();
Report("window-too-large", memory.TryOpenWindow(new byte[8 << 20], new GuestBufferOptions { Residency = Residency.Locked }, out window, out no), window, no);
window?.Dispose();

using (GuestBuffer buffer = memory.Allocate(40_000, GuestBufferOptions.Default with { AllowFallback = true }))
{
    bool asked = buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal);
    Console.WriteLine($"page-map: {(asked ? map!.Pages.Span[0].ToString() : refusal!.Reason.ToString())}");
    bool known = asked && map!.TryGetPagedRange(out _, out refusal);
    Console.WriteLine($"frames: {(known ? "known" : refusal!.Reason + " | " + refusal.Message)}");

    HypercallFunction function = new BitVisorClient(new ReadingVmm(), memory).GetFunction("read");
    buffer.Span.Fill(1);
    foreach (Passing passing in known ? [Passing.Virtual] : Passing.All)
    {
        // The VMM in here has no physical addresses: nothing may arrive there by one.
        TransferResult result = function.TryTransfer(
            buffer, passing, Direction.ToVmm, TransferRule.CompletedMeansAll, new TransferOptions { AcceptMemoryCorruptionIfPagesMove = true });
        Console.WriteLine($"transfer-{passing}: {result.Outcome} {result.BytesDone} rax={result.Registers.Rax} {result.Refusal?.Reason} | {result.Refusal?.Message}");
    }
}

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
