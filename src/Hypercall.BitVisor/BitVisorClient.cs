using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.BitVisor;

/// <summary>
/// A VMM whose functions are called by name, as BitVisor's are: function 0 turns a name into a number, and the number is
/// called with up to five words: the same type as for any other VMM. Safe to use from any number of threads.
/// </summary>
/// <example>
/// <code>
/// HypercallFunction foo = vmm.GetFunction("foo");
/// ulong rax = foo.Call(1, 2, 3).Rax;
/// </code>
/// </example>
public sealed class BitVisorClient
{
    /// <summary>The longest name, in bytes of UTF-8, its NUL not counted: the VMM reads 256 bytes at most.</summary>
    public const int MaxNameLength = 255;

    /// <summary>The highest function number; the lowest is 1.</summary>
    public const ulong MaxFunctionNumber = 127;

    /// <summary>How often a name is looked up before an answer of 0 means that there is no such function.</summary>
    internal const int LookupAttempts = 3;

    private const ulong GetVmmcallNumber = 0;
    private const string EveryBuildHas = "boot";
    private const string NoBuildHas = "hypercall: no such function";
    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    // A name goes over by virtual address, so the weakest residency still works, if less surely: the loop below makes up for it.
    private static readonly GuestBufferOptions NameMemory = new() { Residency = Residency.Pinned, AllowFallback = true };

    private readonly IHypercallMachine _machine;
    private readonly IHypercallChannel _channel;
    private readonly IGuestMemory _memory;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<string, HypercallFunction> _functions = new(StringComparer.Ordinal);
    private int _forgotten; // how often something was: a look-up that began before then is not remembered

    /// <summary>Speaks to the VMM under a machine.</summary>
    /// <param name="machine">The machine: a <c>NativeMachine</c>, or a <c>FakeMachine</c>.</param>
    /// <param name="logger">Is told of look-ups; null for nobody.</param>
    /// <param name="convention">Where number, arguments and result are, for a VMM that serves the same functions by another way:
    /// a CPUID leaf, a port. Null for <see cref="HypercallConvention.BitVisor"/>.</param>
    /// <exception cref="ArgumentException">The convention has no argument, and the name needs one; or the machine's channel does
    /// not carry number and name: then a look-up would call something else.</exception>
    public BitVisorClient(IHypercallMachine machine, ILogger<BitVisorClient>? logger = null, HypercallConvention? convention = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        Convention = convention ?? HypercallConvention.BitVisor;
        if (Convention.Arguments.Count == 0)
        {
            throw new ArgumentException($"The convention '{Convention}' has no argument; a look-up hands the address of a name over in the first one.", nameof(convention));
        }

        _machine = machine;
        _channel = machine.Channel;
        ThrowIfNotCarried(Convention, _channel);
        _memory = machine.Memory;
        _logger = logger ?? (ILogger)NullLogger.Instance;
    }

    /// <summary>Where number, arguments and result of its functions are.</summary>
    public HypercallConvention Convention { get; }

    internal IGuestMemory Memory => _memory;

    /// <summary>Finds a function by name.</summary>
    /// <param name="name">Its name: 1 to <see cref="MaxNameLength"/> bytes of UTF-8 without NUL.</param>
    /// <returns>The function. It is remembered: see <see cref="Forget"/>.</returns>
    /// <exception cref="ArgumentException">The name is none.</exception>
    /// <exception cref="VmmFunctionNotFoundException">The VMM does not know the name.</exception>
    /// <exception cref="ForeignVmmException">A VMM answered in another ABI.</exception>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    /// <exception cref="GuestMemoryException">There is no page to put the name in.</exception>
    public HypercallFunction GetFunction(string name)
    {
        VmmLookup lookup = TryGetFunction(name);
        return lookup.IsFound ? lookup.Function : throw lookup.ToException();
    }

    /// <summary>Finds a function by name, and tells every "no" apart.</summary>
    /// <param name="name">Its name: 1 to <see cref="MaxNameLength"/> bytes of UTF-8 without NUL.</param>
    /// <returns>The function, or why there is none. A function that was found is remembered: see <see cref="Forget"/>.</returns>
    /// <exception cref="ArgumentException">The name is none.</exception>
    /// <exception cref="GuestMemoryException">There is no page to put the name in.</exception>
    public VmmLookup TryGetFunction(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _functions.TryGetValue(name, out HypercallFunction? known) ? VmmLookup.Found(name, known) : LookUp(name);
    }

    /// <summary>
    /// Whether a VMM that calls functions by name is there. Functions are looked up, never called: <c>boot</c> must have a
    /// number, and a name that cannot exist must have none.
    /// </summary>
    /// <exception cref="GuestMemoryException">There is no page to put a name in.</exception>
    public VmmPresenceResult DetectPresence()
    {
        VmmLookup boot = LookUp(EveryBuildHas);
        switch (boot.Outcome)
        {
            case VmmLookupOutcome.NotFound:
                return new VmmPresenceResult(VmmPresence.Absent, 0, default);
            case VmmLookupOutcome.ForeignAbi:
                return new VmmPresenceResult(VmmPresence.ForeignAbi, boot.Rax, default);
            case VmmLookupOutcome.Faulted:
                return new VmmPresenceResult(VmmPresence.Faulted, 0, boot.Status);
            case VmmLookupOutcome.Refused:
                return new VmmPresenceResult(VmmPresence.Refused, 0, boot.Status);
        }

        VmmLookup impossible = LookUp(NoBuildHas);
        if (impossible.Outcome != VmmLookupOutcome.NotFound)
        {
            _ = Forget(EveryBuildHas); // what answers so is no VMM of this ABI
            _ = Forget(NoBuildHas);
        }

        return impossible.Outcome switch
        {
            VmmLookupOutcome.NotFound => new VmmPresenceResult(VmmPresence.Present, boot.Rax, default),
            VmmLookupOutcome.Faulted => new VmmPresenceResult(VmmPresence.Faulted, 0, impossible.Status),
            VmmLookupOutcome.Refused => new VmmPresenceResult(VmmPresence.Refused, 0, impossible.Status),
            _ => new VmmPresenceResult(VmmPresence.ForeignAbi, impossible.Rax, default),
        };
    }

    /// <summary>
    /// Forgets a function, so that its name is looked up anew: after the VMM was replaced, or the guest was moved to another one.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <returns>Whether it was known.</returns>
    public bool Forget(string name)
    {
        _ = Interlocked.Increment(ref _forgotten);
        return _functions.TryRemove(name, out _);
    }

    /// <summary>Forgets all functions.</summary>
    public void ForgetAll()
    {
        _ = Interlocked.Increment(ref _forgotten);
        _functions.Clear();
    }

    private static void ThrowIfNotCarried(HypercallConvention convention, IHypercallChannel channel)
    {
        if (!channel.Carries.Contains(convention.Number.Register) || !channel.Carries.Contains(convention.Arguments[0].Register)
            || !channel.Returns.Contains(convention.Result.Register))
        {
            throw new ArgumentException(
                $"A look-up by the convention '{convention}' needs {convention.Number} and {convention.Arguments[0]} on the way "
                + $"in and {convention.Result} on the way back; this channel carries {channel.Carries} and brings back "
                + $"{channel.Returns}. Use another channel.",
                nameof(channel));
        }
    }

    private static byte[] Encode(string name)
    {
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The name of a VMM function has at least one character, and no NUL.", nameof(name));
        }

        byte[] bytes;
        try
        {
            bytes = StrictUtf8.GetBytes(name);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("The name of a VMM function is UTF-8: this one has half of a surrogate pair.", nameof(name), e);
        }

        return bytes.Length <= MaxNameLength
            ? bytes
            : throw new ArgumentException(
                $"The name of a VMM function has at most {MaxNameLength} bytes of UTF-8; this one has {bytes.Length}.", nameof(name));
    }

    private VmmLookup LookUp(string name)
    {
        byte[] bytes = Encode(name);
        int forgotten = Volatile.Read(ref _forgotten);
        using GuestBuffer page = _memory.Allocate(bytes.Length + 1, NameMemory); // zeroed: the NUL is there
        bytes.CopyTo(page.Span);
        using GuestBuffer.InFlight use = page.EnterCall();
        for (int attempt = 0; attempt < LookupAttempts; attempt++)
        {
            page.Touch(); // the VMM cannot bring the page in, and even a locked page is absent while it moves
            HypercallRegisters registers = Convention.CreateFrame(GetVmmcallNumber, page.Address.Value);
            HypercallStatus status = _channel.TryInvoke(ref registers);
            if (!status.IsCompleted)
            {
                return VmmLookup.NotCompleted(name, in status);
            }

            ulong number = Convention.Result.Read(in registers);
            if (number > MaxFunctionNumber)
            {
                BitVisorLog.ForeignAnswer(_logger, name, number);
                return VmmLookup.Foreign(name, number);
            }

            if (number != 0)
            {
                BitVisorLog.FunctionFound(_logger, name, number);
                return VmmLookup.Found(name, Remember(name, new HypercallFunction(_machine, Convention, number, name), forgotten));
            }
        }

        BitVisorLog.FunctionNotFound(_logger, name, LookupAttempts);
        return VmmLookup.NotFound(name);
    }

    private HypercallFunction Remember(string name, HypercallFunction function, int forgotten)
    {
        _functions[name] = function;
        if (Volatile.Read(ref _forgotten) != forgotten)
        {
            _ = _functions.TryRemove(new KeyValuePair<string, HypercallFunction>(name, function));
        }

        return function;
    }
}
