using System.Globalization;
using System.Runtime.Intrinsics.X86;
using Hypercall.Amd;
using Hypercall.Intel;
using Hypercall.Linux;
using Hypercall.Native;

namespace Hypercall.Cli.Machines;

/// <summary>The ways down that the tool knows on a real machine.</summary>
internal static class RealWays
{
    /// <summary>How a port is written.</summary>
    public const string PortForm = "port[:NUMBER][,in|,out][,1|,2|,4][,permission]";

    /// <summary>The way of the guest's kernel.</summary>
    public const string KernelModule = "kernel-module";

    private const string Port = "port";
    private const string Permission = "permission";
    private const string Privcmd = "privcmd"; // the device's own name
    private const ushort VmwarePort = 0x5658; // open-vm-tools, lib/include/backdoor_def.h, BDOOR_PORT

    /// <summary>All of them. One more is one more here.</summary>
    public static IReadOnlyList<IHypercallProvider> All { get; } =
    [
        new IntelProvider(),
        new AmdProvider(),
        new CpuidProvider(),
        new PortProvider(VmwarePort),
        new PortProvider(VmwarePort, withPermission: true, name: $"{Port},{Permission}"),
        new KernelModuleProvider(),
        new XenPrivcmdProvider(),
    ];

    /// <summary>Whether a way is a port for which the kernel gave its permission: its name says so.</summary>
    /// <param name="way">The way; null for one that is not known.</param>
    public static bool HasPermission(IHypercallProvider? way) => way?.Name.Split(',').Contains(Permission) == true;

    /// <summary>
    /// The way that this CPU's vendor decides; null where there is none. Ways that any CPU has are never taken unless they are
    /// named.
    /// </summary>
    public static string? CpusChoice()
    {
        if (!X86Base.IsSupported)
        {
            return null;
        }

        NativeCpuid cpuid = new();
        return All.FirstOrDefault(way => way.Probe(cpuid).IsCpusChoice)?.Name;
    }

    /// <summary>All of them, and the one of a name if it is none of those.</summary>
    /// <param name="name">A name that <see cref="Find"/> knows; null for all.</param>
    public static IReadOnlyList<IHypercallProvider> With(string? name) =>
        name is not null && Find(name) is { } way && !All.Contains(way) ? [.. All, way] : All;

    /// <summary>The way of a name, without regard to case; null when there is none.</summary>
    /// <param name="name">A name, <c>privcmd</c> for Xen's device, or a port in <see cref="PortForm"/>: VMware's, IN and 4 bytes
    /// when it says nothing else.</param>
    /// <exception cref="FormatException">It is a port, and written wrong.</exception>
    public static IHypercallProvider? Find(string name) =>
        All.FirstOrDefault(way => way.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? (name.Equals(Privcmd, StringComparison.OrdinalIgnoreCase)
            ? All.OfType<XenPrivcmdProvider>().Single()
            : FindPort(name.ToLowerInvariant()));

    private static PortProvider? FindPort(string name)
    {
        string[] words = name.Split(',');
        string[] first = words[0].Split(':');
        if (first[0] != Port)
        {
            return null;
        }

        ushort port = first.Length == 1 ? VmwarePort : Number(first.AsSpan(1));
        PortDirection direction = PortDirection.In;
        int width = 4;
        bool withPermission = false;
        foreach (string word in words.AsSpan(1))
        {
            switch (word)
            {
                case "in" or "out":
                    direction = word == "in" ? PortDirection.In : PortDirection.Out;
                    break;
                case "1" or "2" or "4":
                    width = word[0] - '0';
                    break;
                case Permission:
                    withPermission = true;
                    break;
                default:
                    throw new FormatException($"'{word}' is no part of a port: {PortForm}");
            }
        }

        return port + width <= 0x10000
            ? new PortProvider(port, direction, width, withPermission, name)
            : throw new FormatException($"an access of {width} bytes at port 0x{port:x} passes port 0xffff, the last");
    }

    private static ushort Number(ReadOnlySpan<string> words) =>
        words.Length == 1 && (words[0].StartsWith("0x", StringComparison.Ordinal)
            ? ushort.TryParse(words[0].AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort port)
            : ushort.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out port))
            ? port
            : throw new FormatException($"'{string.Join(':', words.ToArray())}' is no port: 0 to 65535, or 0x0 to 0xffff");
}
