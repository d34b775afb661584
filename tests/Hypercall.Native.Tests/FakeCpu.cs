using System.Buffers.Binary;
using System.Text;
using NSubstitute;

namespace Hypercall.Native.Tests;

/// <summary>CPUID of any vendor.</summary>
internal static class FakeCpu
{
    public static ICpuid Of(string vendor)
    {
        byte[] text = Encoding.ASCII.GetBytes(vendor);
        ICpuid cpuid = Substitute.For<ICpuid>();
        _ = cpuid.Query(0).Returns(new CpuidResult(1, Word(0), Word(8), Word(4))); // EBX, EDX, ECX spell the vendor
        return cpuid;

        uint Word(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(text.AsSpan(offset));
    }
}
