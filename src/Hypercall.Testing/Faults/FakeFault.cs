using System.Globalization;

namespace Hypercall.Testing;

/// <summary>
/// One fault: what a real kernel, VMM or CPU may do to a program. A fault is data: it is generated, shrunk, printed and replayed.
/// </summary>
/// <param name="Kind">What happens.</param>
/// <param name="Target">To which page; without meaning for a fault that is about no page.</param>
/// <param name="Value">
/// <see cref="FakeFaultKind.PageMigration"/>: how many walks do not find the page, 0 and more.
/// <see cref="FakeFaultKind.RefuseForeign"/>: RAX.
/// <see cref="FakeFaultKind.LockLimit"/>: bytes. Otherwise 0.
/// </param>
public readonly record struct FakeFault(FakeFaultKind Kind, FakeTarget Target = default, ulong Value = 0)
{
    /// <summary>Whether the fault is about a page.</summary>
    internal bool HasTarget => Kind <= FakeFaultKind.MakeRom;

    /// <summary>Whether <see cref="Value"/> means something.</summary>
    internal bool HasValue => Kind is FakeFaultKind.PageMigration or FakeFaultKind.RefuseForeign or FakeFaultKind.LockLimit;

    /// <summary>The fault in words: <c>SwapOut of page 0 of buffer 1</c>.</summary>
    public override string ToString()
    {
        string value = HasValue ? string.Create(CultureInfo.InvariantCulture, $" ({(Kind == FakeFaultKind.RefuseForeign ? "RAX = " : "")}{(long)Value})") : "";
        return HasTarget ? $"{Kind}{value} of {Target}" : $"{Kind}{value}";
    }

    internal string ToCSharp()
    {
        string target = HasTarget && Target != default ? $", {Target.ToCSharp()}" : "";
        string value = HasValue && Value != 0 ? string.Create(CultureInfo.InvariantCulture, $", Value: 0x{Value:x}") : "";
        return $"new FakeFault(FakeFaultKind.{Kind}{target}{value})";
    }
}
