using System.Numerics;

namespace Hypercall.Testing;

/// <summary>
/// Numbers that look random and are the same for the same seed on every runtime, operating system and CPU, which
/// <see cref="Random"/> does not promise: xoshiro256** by Blackman and Vigna (prng.di.unimi.it), its state filled by SplitMix64,
/// as they advise.
/// </summary>
internal sealed class FakeRandom
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    public FakeRandom(ulong seed)
    {
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>The seed of the n-th of many that come from one: neighbours have nothing in common.</summary>
    public static ulong Derive(ulong seed, int n)
    {
        ulong state = unchecked(seed + ((ulong)n * 0x9E37_79B9_7F4A_7C15)); // the golden ratio, SplitMix64's step
        return SplitMix(ref state);
    }

    /// <summary>Any 64 bits.</summary>
    public ulong Next()
    {
        ulong result = unchecked(BitOperations.RotateLeft(_s1 * 5, 7) * 9);
        ulong shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A number from one to another, both included.</summary>
    public int Between(int least, int most) => least + (int)Math.BigMul(Next(), (ulong)((long)most - least + 1), out _);

    /// <summary>As <see cref="Between"/>, with a liking for small ones: the least one comes half of the time.</summary>
    public int Low(int least, int most)
    {
        if (most <= least || OneIn(2))
        {
            return least;
        }

        return OneIn(2) ? Between(least, Math.Min(most, least + 3)) : Between(least, most);
    }

    /// <summary>True once in so many times.</summary>
    public bool OneIn(int times) => Between(1, times) == 1;

    /// <summary>One of some.</summary>
    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Between(0, choices.Length - 1)];

    /// <summary>
    /// The finalizer of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure
    /// 17.
    /// </summary>
    public static ulong Mix(ulong mixed)
    {
        unchecked
        {
            mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
            return mixed ^ (mixed >> 31);
        }
    }

    private static ulong SplitMix(ref ulong state) => Mix(state = unchecked(state + 0x9E37_79B9_7F4A_7C15));
}
