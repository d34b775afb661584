namespace Hypercall.Testing;

/// <summary>A case in which a property failed, why, and what the machine wrote down.</summary>
internal sealed record VmmFailure(FakeCase Case, Exception Cause, FakeTrace? Trace)
{
    /// <summary>
    /// Whether another one is the same failure. A simpler case that fails in another way would lead the shrinking to another bug,
    /// or to one of the property.
    /// </summary>
    public bool IsLike(VmmFailure other) => Cause is FakeMachineException mine
        ? other.Cause is FakeMachineException its && mine.Oracle == its.Oracle
        : Cause.GetType() == other.Cause.GetType();
}
