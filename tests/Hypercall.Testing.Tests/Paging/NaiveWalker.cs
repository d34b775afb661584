namespace Hypercall.Testing.Tests;

/// <summary>
/// A walker to compare the real one with: slow, and spelled as the manuals draw the entries, one letter for each bit.
/// </summary>
/// <remarks>
/// X execute-disable, or reserved without EFER.NXE; . ignored; f frame, or reserved at and above MAXPHYADDR; 0 and 1 as such;
/// 8 ignored by Intel and reserved by AMD; D dirty; A accessed; U user; W writable; P present.
/// </remarks>
internal sealed class NaiveWalker(Func<ulong, ulong[]?> memory, int maxPhyAddr, bool amd)
{
    //                          bit  63          52         47      40      32      24      16      8        0
    private const string Directory4 = "X...........ffffffffffffffffffffffffffffffffffffffff...80.A..UWP"; // SDM tables 4-14, 4-15: PML5E, PML4E
    private const string Directory3 = "X...........ffffffffffffffffffffffffffffffffffffffff....0.A..UWP"; // tables 4-17, 4-19: PDPTE, PDE of a table
    private const string GigaPage__ = "X...........ffffffffffffffffffffff00000000000000000.....1DA..UWP"; // table 4-16
    private const string MegaPage__ = "X...........fffffffffffffffffffffffffffffff00000000.....1DA..UWP"; // table 4-18
    private const string KiloPage__ = "X...........ffffffffffffffffffffffffffffffffffffffff.....DA..UWP"; // table 4-20

    public enum Outcome
    {
        Translated,
        GeneralProtection,
        NotPresent,
        ReservedBit,
        AccessRights,
        NoTable,
    }

    /// <summary>What came out, and the entries (frame, index, new value) that the CPU then writes.</summary>
    public sealed record Result(Outcome Outcome, ulong Address = 0, long Size = 0, ulong ErrorCode = 0, int Level = 0, bool W = false, bool U = false, bool X = false)
    {
        public List<(ulong Frame, int Index, ulong Value)> Writes { get; } = [];
    }

    public Result Walk(ulong cr3, int levels, ulong linear, bool write, bool user, bool fetch, bool wp, bool nxe)
    {
        string address = Convert.ToString(unchecked((long)linear), 2).PadLeft(64, '0');
        int translated = 12 + (9 * levels);
        if (address[..(64 - translated + 1)].Distinct().Count() != 1)
        {
            return new Result(Outcome.GeneralProtection);
        }

        ulong errorCode = (write ? 2ul : 0) + (user ? 4ul : 0) + (fetch && nxe ? 16ul : 0);
        List<(ulong Frame, int Index, string Bits)> used = [];
        string format;
        string base_ = Convert.ToString(unchecked((long)cr3), 2).PadLeft(64, '0');
        string frameBits = base_[12..52];
        int level = levels;
        do
        {
            ulong frame = Convert.ToUInt64(frameBits, 2);
            int index = Convert.ToInt32(address.Substring(64 - translated + (9 * (levels - level)), 9), 2);
            if (memory(frame) is not { } table)
            {
                return new Result(Outcome.NoTable, Level: level);
            }

            string entry = Convert.ToString(unchecked((long)table[index]), 2).PadLeft(64, '0');
            if (entry[63] == '0')
            {
                return new Result(Outcome.NotPresent, ErrorCode: errorCode, Level: level);
            }

            format = (level, entry[63 - 7]) switch
            {
                (5 or 4, _) => Directory4,
                (3, '1') => GigaPage__,
                (2, '1') => MegaPage__,
                (1, _) => KiloPage__,
                _ => Directory3,
            };
            for (int bit = 63; bit >= 0; bit--)
            {
                char meaning = format[63 - bit];
                bool mustBe0 = meaning == '0' || (meaning == '8' && amd) || (meaning == 'X' && !nxe) || (meaning == 'f' && bit >= maxPhyAddr);
                if (mustBe0 && entry[63 - bit] == '1')
                {
                    return new Result(Outcome.ReservedBit, ErrorCode: errorCode + 1 + 8, Level: level);
                }
            }

            used.Add((frame, index, entry));
            frameBits = entry[12..52];
            level--;
        }
        while (!format.Contains('D'));

        bool allWrite = used.TrueForAll(entry => entry.Bits[format.IndexOf('W')] == '1');
        bool allUser = used.TrueForAll(entry => entry.Bits[format.IndexOf('U')] == '1');
        bool anyNoExecute = used.Exists(entry => entry.Bits[0] == '1');
        int first = format.LastIndexOf('f') + 1;
        ulong byteInMemory = Convert.ToUInt64(used[^1].Bits[12..first] + address[first..], 2);

        int Forbids((ulong, int, string Bits) entry)
        {
            bool w = entry.Bits[62] == '1', u = entry.Bits[61] == '1', x = entry.Bits[0] == '1';
            return user && !u ? 1 : write && !w && (user || wp) ? 2 : fetch && x ? 3 : 0;
        }

        int forbidding = used.FindIndex(entry => Forbids(entry) != 0);
        Result result = forbidding >= 0
            ? new Result(Outcome.AccessRights, 0, 1L << (64 - first), errorCode + 1, levels - forbidding, allWrite, allUser, anyNoExecute)
            : new Result(Outcome.Translated, byteInMemory, 1L << (64 - first), 0, 0, allWrite, allUser, anyNoExecute);
        if (result.Outcome == Outcome.Translated)
        {
            for (int i = 0; i < used.Count; i++)
            {
                char[] bits = used[i].Bits.ToCharArray();
                bits[63 - 5] = '1';
                if (write && i == used.Count - 1)
                {
                    bits[63 - 6] = '1';
                }

                result.Writes.Add((used[i].Frame, used[i].Index, Convert.ToUInt64(new string(bits), 2)));
            }
        }

        return result;
    }
}
