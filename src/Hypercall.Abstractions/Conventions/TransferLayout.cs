namespace Hypercall;

/// <summary>
/// Which arguments of a function hold memory in a transfer. The function's own words fill the arguments that are left, in order.
/// </summary>
/// <remarks>
/// <code>
///                       argument 0    argument 1    argument 2 ...
/// AddressAndLength      address       bytes         the function's own
/// Address(1)            its own       address       its own
/// HyperVPages           address in    address out   its own            a length in argument 1 would be taken for an address, and written to
/// KvmPages              address       pages         its own
/// </code>
/// An address is virtual or physical, as the technique has it; or that of a descriptor, which goes where memory for the VMM to
/// read goes.
/// </remarks>
public sealed class TransferLayout
{
    /// <summary>Describes a layout.</summary>
    /// <param name="toVmm">Which argument, from 0, holds the address of memory that the VMM reads.</param>
    /// <param name="fromVmm">Which argument holds the address of memory that the VMM writes: often the same. Where it is another
    /// one, it is 0 when nothing goes that way.</param>
    /// <param name="length">Which argument holds the length; null when none does.</param>
    /// <param name="unit">In what unit the length is, in bytes: a power of two, 1 to 4096. Memory that is no whole number of
    /// units, or does not start at one, is refused.</param>
    /// <param name="descriptor">A structure of the VMM's own into which each piece is written, and to which the argument points;
    /// null when it points to the memory.</param>
    /// <exception cref="ArgumentException">The length is where an address is.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An argument is negative, or the unit is none.</exception>
    public TransferLayout(int toVmm, int fromVmm, int? length = null, int unit = 1, DescriptorFormat? descriptor = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(toVmm);
        ArgumentOutOfRangeException.ThrowIfNegative(fromVmm);
        ArgumentOutOfRangeException.ThrowIfNegative(length ?? 0, nameof(length));
        if (unit is < 1 or > GuestPage.Size || (unit & (unit - 1)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(unit), unit, "A unit is a power of two, 1 to 4096 bytes.");
        }

        if (length == toVmm || length == fromVmm)
        {
            throw new ArgumentException($"Argument {length} holds an address; it cannot hold the length, too.", nameof(length));
        }

        ToVmm = toVmm;
        FromVmm = fromVmm;
        Length = length;
        Unit = unit;
        Descriptor = descriptor;
    }

    /// <summary>The address in the first argument, the length in bytes in the second.</summary>
    public static TransferLayout AddressAndLength { get; } = new(0, 0, length: 1);

    /// <summary>
    /// Hyper-V: the address of the input page in the first argument, of the output page in the second; no length (TLFS,
    /// "Hypercall Inputs").
    /// </summary>
    public static TransferLayout HyperVPages { get; } = new(toVmm: 0, fromVmm: 1);

    /// <summary>
    /// KVM: the address in the first argument, the number of pages of 4096 bytes in the second (KVM_HC_MAP_GPA_RANGE; Linux,
    /// Documentation/virt/kvm/x86/hypercalls.rst).
    /// </summary>
    public static TransferLayout KvmPages { get; } = new(0, 0, length: 1, unit: GuestPage.Size);

    /// <summary>Which argument, from 0, holds the address of memory that the VMM reads.</summary>
    public int ToVmm { get; }

    /// <summary>Which argument holds the address of memory that the VMM writes.</summary>
    public int FromVmm { get; }

    /// <summary>Which argument holds the length; null when none does.</summary>
    public int? Length { get; }

    /// <summary>In what unit the length is, in bytes.</summary>
    public int Unit { get; }

    /// <summary>The structure to which the argument points; null when it points to the memory.</summary>
    public DescriptorFormat? Descriptor { get; }

    /// <summary>
    /// The address in one argument, and no length: Xen's xen_version has it in argument 1, Nyx in its only one, 0.
    /// </summary>
    /// <param name="argument">Which argument, from 0.</param>
    public static TransferLayout Address(int argument) => new(argument, argument);

    /// <summary>One argument that points to a structure, which is written for each piece.</summary>
    /// <param name="argument">Which argument, from 0.</param>
    /// <param name="structure">The structure.</param>
    public static TransferLayout Structure(int argument, DescriptorFormat structure)
    {
        ArgumentNullException.ThrowIfNull(structure);
        return new TransferLayout(argument, argument, descriptor: structure);
    }

    internal void ThrowIfUnfit(HypercallConvention convention)
    {
        int count = convention.Arguments.Count;
        int last = Math.Max(Math.Max(ToVmm, FromVmm), Length ?? 0);
        if (last >= count)
        {
            throw new ArgumentException($"The layout uses argument {last}, and the convention '{convention}' has {count}: 0 to {count - 1}.", nameof(convention));
        }

        foreach (int address in (ReadOnlySpan<int>)[ToVmm, FromVmm])
        {
            if (convention.Arguments[address] is { Bits: < 64 } field)
            {
                throw new ArgumentException($"The layout has an address in argument {address}, and the convention '{convention}' has {field.Bits} bits for that ({field}).", nameof(convention));
            }
        }
    }

    /// <summary>How many arguments it leaves to the function itself.</summary>
    internal int CountOwn(HypercallConvention convention)
    {
        int left = 0;
        for (int argument = 0; argument < convention.Arguments.Count; argument++)
        {
            left += IsOwn(argument) ? 1 : 0;
        }

        return left;
    }

    /// <summary>The first argument that it leaves to the function itself; null where it leaves none.</summary>
    internal int? FirstOwn(HypercallConvention convention)
    {
        for (int argument = 0; argument < convention.Arguments.Count; argument++)
        {
            if (IsOwn(argument))
            {
                return argument;
            }
        }

        return null;
    }

    /// <summary>Puts a piece and the function's own words where they go.</summary>
    internal void Place(ulong address, long length, bool isDescriptor, Direction direction, IReadOnlyList<ulong> words, Span<ulong> arguments)
    {
        arguments.Clear();
        if (isDescriptor || direction.HasFlag(Direction.ToVmm))
        {
            arguments[ToVmm] = address;
        }

        if (direction.HasFlag(Direction.FromVmm) && (FromVmm == ToVmm || !isDescriptor))
        {
            arguments[FromVmm] = address;
        }

        if (Length is { } at)
        {
            arguments[at] = (ulong)((length + Unit - 1) / Unit);
        }

        for (int argument = 0, word = 0; word < words.Count; argument++)
        {
            if (IsOwn(argument))
            {
                arguments[argument] = words[word++];
            }
        }
    }

    private bool IsOwn(int argument) => argument != ToVmm && argument != FromVmm && argument != Length;
}
