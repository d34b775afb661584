namespace Hypercall.Testing.Tests;

public sealed class FakeRandomTests
{
    /// <summary>SplitMix64 from 0 (the first of its published outputs), so that it is that generator and no look-alike.</summary>
    [Fact]
    public void Seeds_are_derived_by_SplitMix64()
    {
        Assert.Equal(0xE220_A839_7B1D_CDAFul, FakeRandom.Derive(0, 0));
        Assert.Equal(0x6E78_9E6A_A1B9_65F4ul, FakeRandom.Derive(0, 1));
        Assert.Equal(0x06C4_5D18_8009_454Ful, FakeRandom.Derive(0, 2));
    }

    /// <summary>
    /// By the published algorithm: state s = SplitMix64(0), 4 times; the first output is rotl(s1 * 5, 7) * 9, and after one step
    /// s1' = s1 ^ s2 ^ s0.
    /// </summary>
    [Fact]
    public void Numbers_are_those_of_xoshiro256_starstar()
    {
        ulong s0 = FakeRandom.Derive(0, 0);
        ulong s1 = FakeRandom.Derive(0, 1);
        ulong s2 = FakeRandom.Derive(0, 2);
        FakeRandom random = new(0);
        Assert.Equal(unchecked(ulong.RotateLeft(s1 * 5, 7) * 9), random.Next());
        Assert.Equal(unchecked(ulong.RotateLeft((s1 ^ s2 ^ s0) * 5, 7) * 9), random.Next());
    }

    [Fact]
    public void A_number_between_two_is_each_of_them_in_its_turn()
    {
        FakeRandom random = new(1);
        int[] counts = new int[5];
        for (int i = 0; i < 5000; i++)
        {
            counts[random.Between(-2, 2) + 2]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 800, 1200));
    }

    [Fact]
    public void The_whole_range_of_an_int_can_be_asked_for()
    {
        FakeRandom random = new(1);
        int[] numbers = [.. Enumerable.Range(0, 100).Select(_ => random.Between(int.MinValue, int.MaxValue))];
        Assert.Contains(numbers, number => number < int.MinValue / 2);
        Assert.Contains(numbers, number => number > int.MaxValue / 2);
    }

    [Fact]
    public void Low_numbers_are_liked_and_high_ones_come()
    {
        FakeRandom random = new(1);
        int[] numbers = [.. Enumerable.Range(0, 1000).Select(_ => random.Low(1, 50))];
        Assert.InRange(numbers.Count(number => number == 1), 450, 700);
        Assert.Contains(numbers, number => number > 40);
        Assert.All(numbers, number => Assert.InRange(number, 1, 50));
    }
}
