namespace Hypercall.Testing.Tests;

/// <summary>
/// An order of cases in which there is always an end: tuples of natural numbers, the first one that differs decides. Written down
/// here anew, and not taken from the shrinker that it holds to account.
/// </summary>
internal static class CaseMeasure
{
    public static int Compare(FakeCase left, FakeCase right)
    {
        ulong[] a = Of(left);
        ulong[] b = Of(right);
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i])
            {
                return a[i].CompareTo(b[i]);
            }
        }

        return 0;
    }

    public static ulong[] Of(FakeCase one)
    {
        FakeMachineOptions plain = new();
        FakeMachineOptions machine = one.Machine;
        FaultPlan plan = machine.Plan;
        return
        [
            (ulong)plan.Count,
            Sum(one.Buffers, buffer => Pages(buffer.Offset + (long)buffer.Length)),
            (ulong)one.Buffers.Count,
            (ulong)one.Calls.Count,
            Sum(plan, planned => planned.InjectionPoint.Call),
            Sum(plan, planned => planned.InjectionPoint.Index),
            Sum(plan, planned => (int)planned.InjectionPoint.Kind),
            Sum(plan, planned => planned.Fault.Target == FakeTarget.Accessed ? 0 : 1),
            Sum(plan, planned => planned.Fault.Target.Buffer),
            Sum(plan, planned => planned.Fault.Target.Page),
            Sum(plan, planned => planned.Fault.Kind == FakeFaultKind.RefuseForeign ? (planned.Fault.Value == ulong.MaxValue ? 0 : 1) : (long)Math.Min(planned.Fault.Value, long.MaxValue >> 8)),
            Sum(one.Calls, call => call.Technique == FakeTechnique.Virtual ? 0 : 1),
            Sum(one.Calls, call => call.Direction == Direction.Both ? 1 : 0),
            Sum(one.Buffers, buffer => buffer.Offset),
            Sum(one.Buffers, buffer => buffer.Length),
            Sum(one.Buffers, buffer => buffer.Contiguity == Contiguity.Any ? 0 : 1),
            Sum(one.Buffers, buffer => buffer.Residency == Residency.Pinned ? 0 : 1),
            Sum<bool>(
                [
                    machine.Paging != plain.Paging, machine.Cpus != plain.Cpus, machine.LockLimit != plain.LockLimit, machine.CanPin != plain.CanPin,
                    machine.CanAllocateContiguous != plain.CanAllocateContiguous, machine.HideFrames != plain.HideFrames, machine.Seed != plain.Seed,
                ],
                differs => differs ? 1 : 0),
        ];
    }

    private static long Pages(long bytes) => (bytes + 4095) / 4096;

    private static ulong Sum<T>(IEnumerable<T> items, Func<T, long> value) => (ulong)items.Sum(value);
}
