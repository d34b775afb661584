using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests;

public sealed class FakeMachinePropertyTests
{
    /// <summary>
    /// The rules of function 0, said once more: over any bytes, anywhere in their pages, whichever pages are present.
    /// </summary>
    [Property(MaxTest = 500)]
    public Property A_look_up_finds_a_name_exactly_if_it_is_registered_ends_in_256_bytes_and_is_present_to_its_NUL()
    {
        Gen<byte[]> known = Gen.Elements("boot", "foo", new string('x', 255), "zwölf").Select(name => Encoding.UTF8.GetBytes(name + '\0'));
        Gen<byte[]> unknown = Gen.Choose(0, 300).SelectMany(length => Gen.Choose(1, 255).ArrayOf(length))
            .Select(values => values.Select(value => (byte)value).Append((byte)0).ToArray());
        Gen<(byte[] Name, int Offset, int Absent)> cases =
            from name in Gen.OneOf(known, unknown)
            from offset in Gen.OneOf(Gen.Choose(0, GuestPage.Size - 1), Gen.Choose(GuestPage.Size - 257, GuestPage.Size - 1))
            from absent in Gen.Choose(0, 3)
            select (name, offset, absent);
        return Prop.ForAll(cases.ToArbitrary(), one =>
        {
            FakeMachine fake = new FakeMachine().On("foo", _ => { }).On(new string('x', 255), _ => { }).On("zwölf", _ => { });
            using GuestBuffer buffer = fake.Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
            one.Name.CopyTo(buffer.Span[one.Offset..]);
            bool[] present = [(one.Absent & 1) == 0, (one.Absent & 2) == 0];
            for (int page = 0; page < 2; page++)
            {
                if (!present[page])
                {
                    fake.Memory.SwapOut(buffer, page);
                }
            }

            int length = Array.IndexOf(one.Name, (byte)0) + 1;
            bool isPresent = present[0] && (one.Offset + length <= GuestPage.Size || present[1]);
            ulong number = one.Name.AsSpan(0, length) switch
            {
                var name when name.SequenceEqual("boot\0"u8) => 1,
                var name when name.SequenceEqual("foo\0"u8) => 4,
                var name when name.SequenceEqual(Encoding.UTF8.GetBytes(new string('x', 255) + '\0')) => 5,
                var name when name.SequenceEqual("zwölf\0"u8) => 6,
                _ => 0ul,
            };

            HypercallRegisters registers = new() { Rbx = buffer.Address.Value + (ulong)one.Offset };
            fake.Channel.Invoke(ref registers);

            return registers.Rax == (isPresent && length <= 256 ? number : 0);
        });
    }

    [Property(MaxTest = 200)]
    public bool Every_name_that_can_be_registered_is_found_and_gets_its_arguments(NonEmptyString text, ulong rbx, ulong rdi)
    {
        string name = text.Get;
        FakeMachine fake = new();
        try
        {
            _ = fake.On(name, call => call.Rax = call.Rbx ^ call.Rdi);
        }
        catch (ArgumentException)
        {
            ArgumentException same = Assert.Throws<ArgumentException>(() => new BitVisorClient(fake).TryGetFunction(name));
            return same.Message.Length > 0;
        }

        return new BitVisorClient(fake).GetFunction(name).Call(rbx, 0, 0, 0, rdi).Rax == (rbx ^ rdi);
    }

    [Property(MaxTest = 200)]
    public bool Any_frame_passes_through_a_handler_register_by_register(ulong[] values, byte which)
    {
        HypercallRegisters registers = default;
        for (int i = 0; i < Math.Min(values.Length, HypercallRegisters.Count); i++)
        {
            registers[HypercallRegisters.All[i]] = values[i];
        }

        registers.Rax = 4;
        GeneralRegister written = HypercallRegisters.All[which % HypercallRegisters.Count];
        HypercallRegisters expected = registers;
        expected[written] = ~registers[written];
        FakeMachine fake = new FakeMachine().On("flip", call => call.Registers[written] = ~call.Registers[written]);

        fake.Channel.Invoke(ref registers);

        return registers == expected;
    }
}
