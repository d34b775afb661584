using FsCheck;
using FsCheck.Fluent;

namespace Hypercall.Testing;

/// <summary>What the core generates and makes simpler, as FsCheck wants it: FsCheck gives a seed and a size.</summary>
internal sealed class FakeArbitrary<T>(FakeCaseSize size, FakeMachineOptions given, Func<FakeCaseGenerator, T> generate, Func<T, IEnumerable<T>> shrink) : Arbitrary<T>
{
    private static readonly Gen<ulong> Seeds =
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        select ((ulong)high << 31) | (uint)low;

    public override Gen<T> Generator =>
        Gen.Sized(percent => Seeds.Select(seed => generate(new FakeCaseGenerator(new FakeRandom(seed), size.ScaledTo(Math.Max(percent, 0)), given))));

    public override IEnumerable<T> Shrinker(T value) => shrink(value);
}
