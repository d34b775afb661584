using System.Text;

namespace Hypercall.BitVisor;

/// <summary>Asks the VMM for its status, a text, by its function <c>get_status</c>.</summary>
/// <remarks>
/// <code>
/// in:   RBX = GVA of a writable, resident buffer      RCX = its size
/// out:  RAX 0, RCX = bytes written                    the text is there
///       RAX 1, RCX = bytes needed, more than the size: ask again with a larger buffer
///       RAX 1, RCX no more than the size               a page was absent or read-only: touch, and ask again
///       RAX, RCX as they went in                       the configuration turns it off
/// </code>
/// Source: matsu/bitvisor, <c>get_status</c>.
/// </remarks>
public sealed class VmmStatusClient
{
    /// <summary>How often the VMM is asked before that is an error.</summary>
    internal const int Attempts = 3;

    private const string FunctionName = "get_status";
    private const ulong Delivered = 0;
    private const ulong NotDelivered = 1;
    private const long FirstSize = GuestPage.Size;
    private const long LargestText = 1 << 24; // a VMM that wants 16 MiB for a status text is broken, or hostile

    private static readonly GuestBufferOptions TextMemory = new() { Residency = Residency.Pinned, AllowFallback = true };

    private readonly BitVisorClient _vmm;

    /// <summary>Makes a client.</summary>
    /// <param name="vmm">The VMM.</param>
    public VmmStatusClient(BitVisorClient vmm)
    {
        ArgumentNullException.ThrowIfNull(vmm);
        _vmm = vmm;
    }

    /// <summary>The VMM's status.</summary>
    /// <exception cref="VmmFunctionDisabledException">The VMM's configuration turns it off.</exception>
    /// <exception cref="VmmFunctionFailedException">The VMM did not deliver in three tries, or answered nonsense.</exception>
    /// <exception cref="VmmFunctionNotFoundException">The VMM has no <c>get_status</c>.</exception>
    /// <exception cref="ForeignVmmException">A VMM answered in another ABI.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    public string GetStatus()
    {
        VmmStatusReport report = TryGetStatus();
        return report.Outcome switch
        {
            VmmStatusOutcome.Available => report.Text!,
            VmmStatusOutcome.Disabled => throw Disabled(),
            VmmStatusOutcome.NoFunction => throw report.Lookup.ToException(),
            VmmStatusOutcome.NotCompleted => throw report.Status.ToException(),
            _ => throw new VmmFunctionFailedException(FunctionName, report.Message),
        };
    }

    /// <summary>The VMM's status, or why there is none.</summary>
    /// <exception cref="GuestMemoryException">There is no memory for the text.</exception>
    public VmmStatusReport TryGetStatus()
    {
        VmmLookup lookup = _vmm.TryGetFunction(FunctionName);
        if (!lookup.IsFound)
        {
            return new VmmStatusReport(VmmStatusOutcome.NoFunction, lookup.Message) { Lookup = lookup };
        }

        HypercallConvention convention = lookup.Function.Convention;
        long size = FirstSize;
        HypercallRegisters registers = default;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            using GuestBuffer buffer = _vmm.Memory.Allocate(size, TextMemory);
            buffer.Touch();
            registers = convention.CreateFrame(lookup.Function.Number, buffer.Address.Value, (ulong)size);
            HypercallStatus status;
            using (buffer.EnterCall())
            {
                status = lookup.Function.TryCall(ref registers);
            }

            if (!status.IsCompleted)
            {
                return new VmmStatusReport(VmmStatusOutcome.NotCompleted, status.ToException().Message)
                {
                    Lookup = lookup, Registers = registers, Status = status,
                };
            }

            ulong answer = convention.Result.Read(in registers);
            ulong count = convention.Arguments[1].Read(in registers);
            if (convention.Number.Read(in registers) == lookup.Function.Number && count == (ulong)size)
            {
                // A function with number 1 says the same when a page was absent and the text fits exactly: only another size
                // tells.
                if (lookup.Function.Number == NotDelivered && attempt < Attempts - 1)
                {
                    size += GuestPage.Size;
                    continue;
                }

                return new VmmStatusReport(VmmStatusOutcome.Disabled, Disabled().Message) { Lookup = lookup, Registers = registers };
            }

            switch (answer, count)
            {
                // 0 is also what the VMM answers to a number it does not know, and then it writes nothing: neither RCX nor the
                // text.
                case (Delivered, var written) when written == (ulong)size && !buffer.Span.ContainsAnyExcept((byte)0):
                    return new VmmStatusReport(
                        VmmStatusOutcome.Unexpected,
                        $"It answered RAX = 0, RCX unchanged, and wrote nothing: the VMM does not know number {lookup.Function.Number} (any more). If it was replaced, forget its functions (BitVisorClient.ForgetAll) and ask again.")
                    {
                        Lookup = lookup, Registers = registers,
                    };
                case (Delivered, var written) when written <= (ulong)size:
                    string text = Encoding.UTF8.GetString(buffer.Span[..(int)written]).TrimEnd('\0');
                    return new VmmStatusReport(VmmStatusOutcome.Available, $"The VMM delivered {written} bytes.")
                    {
                        Lookup = lookup, Registers = registers, Text = text,
                    };
                case (NotDelivered, var needed) when needed <= LargestText: // no more than there was: a page was absent, and the next attempt touches anew
                    size = Math.Max(size, (long)needed);
                    break;
                default:
                    return new VmmStatusReport(
                        VmmStatusOutcome.Unexpected,
                        $"It answered RAX = 0x{registers.Rax:x}, RCX = 0x{registers.Rcx:x} to a buffer of {size} bytes; RAX is 0 (delivered) or 1 (not delivered), and RCX a size. Is this VMM's get_status another function?")
                    {
                        Lookup = lookup, Registers = registers,
                    };
            }
        }

        return new VmmStatusReport(
            VmmStatusOutcome.Undelivered,
            $"It did not deliver in {Attempts} tries: a page of the buffer was absent or read-only each time, or the text kept growing (it wants {registers.Rcx} bytes). Allow locking or pinning (RLIMIT_MEMLOCK), and ask again.")
        {
            Lookup = lookup, Registers = registers,
        };
    }

    private static VmmFunctionDisabledException Disabled() => new(FunctionName, "vmm.status");
}
