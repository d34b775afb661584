using System.CommandLine;
using System.Globalization;

namespace Hypercall.Cli.CommandLine;

/// <summary>An option that says which arguments of a function hold the memory.</summary>
internal sealed class LayoutOption : Option<TransferLayout>
{
    private const string AddressLength = "address-length";
    private const string AddressPages = "address-pages";
    private const string Address = "address";
    private const string Pages = "pages";

    /// <summary>The forms in a few words, for errors.</summary>
    public const string Forms = $"{AddressLength}, {Address}:N, {Pages}:TO,FROM or {AddressPages}";

    public LayoutOption()
        : base("--layout")
    {
        Description = "Which arguments hold the memory, counted from 0. "
            + $"{AddressLength}: 0 the address, 1 the length in bytes (BitVisor). "
            + $"{Address}:N: N the address, and no length (Xen's xen_version: {Address}:1; Nyx: {Address}:0). "
            + $"{Pages}:TO,FROM: TO the address of what the VMM reads, FROM of what it writes (Hyper-V: {Pages}:0,1). "
            + $"{AddressPages}: 0 the address, 1 the number of pages of 4096 bytes (KVM). "
            + "[default: the convention's own; only bitvisor has one]";
        HelpName = $"{AddressLength}|{Address}:N|{Pages}:TO,FROM|{AddressPages}";
        CompletionSources.Add(AddressLength, $"{Address}:0", $"{Pages}:0,1", AddressPages);
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!TryParse(text, out TransferLayout? layout))
            {
                result.AddError($"--layout: '{text}' is none of {Forms}, where N, TO and FROM are arguments, counted from 0.");
            }

            return layout;
        };
    }

    /// <summary>A layout as the option takes it.</summary>
    public static string Describe(TransferLayout layout) => layout switch
    {
        { Length: not null, Unit: 1 } => AddressLength,
        { Length: not null } => AddressPages,
        _ when layout.ToVmm == layout.FromVmm => string.Create(CultureInfo.InvariantCulture, $"{Address}:{layout.ToVmm}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Pages}:{layout.ToVmm},{layout.FromVmm}"),
    };

    private static bool TryParse(string text, out TransferLayout? layout)
    {
        string[] parts = text.ToLowerInvariant().Split(':', 2);
        string list = parts.ElementAtOrDefault(1) ?? "";
        int[] arguments = parts.Length == 1 ? [] : [.. list.Split(',').Select(Argument)];
        bool isWhole = arguments.All(argument => argument >= 0);
        layout = (parts[0], arguments) switch
        {
            _ when !isWhole => null,
            (AddressLength, []) when parts.Length == 1 => TransferLayout.AddressAndLength,
            (AddressPages, []) when parts.Length == 1 => TransferLayout.KvmPages,
            (Address, [int only]) => TransferLayout.Address(only),
            (Pages, [int to, int from]) => new TransferLayout(to, from),
            _ => null,
        };
        return layout is not null;
    }

    private static int Argument(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int argument) ? argument : -1;
}
