namespace Hypercall.Testing;

/// <summary>
/// Makes cases, and parts of them, simpler. Each candidate is smaller in an order that ends: fewer faults; or as many, and fewer
/// pages; or as many of both, and fewer buffers, then calls; and so on through injection points, targets, values, bytes, and
/// settings. So whoever follows the candidates comes to an end.
/// </summary>
internal static class FakeCaseShrinker
{
    /// <summary>The pages of a buffer's allocation.</summary>
    public static int PagesOf(FakeBufferShape buffer) => (int)(((long)buffer.Offset + buffer.Length + GuestPage.Size - 1) >> GuestPage.Shift);

    public static IEnumerable<FakeCase> Shrink(FakeCase whole, FakeMachineOptions given)
    {
        bool ownsPlan = given.Plan.Count == 0;
        IEnumerable<FaultPlan> fewer = ownsPlan ? FewerFaults(whole.Machine.Plan) : [];
        IEnumerable<FaultPlan> simpler = ownsPlan ? SimplerFaults(whole.Machine.Plan) : [];
        return fewer.SelectMany(plan => Earlier(plan).Prepend(plan)).Select(WithPlan)
            .Concat(FewerBuffers(whole, ownsPlan))
            .Concat(Each(whole.Buffers, FewerPages).Select(WithBuffers))
            .Concat(FewerCalls(whole, ownsPlan))
            .Concat(simpler.Select(WithPlan))
            .Concat(Each(whole.Calls, Simpler).Select(calls => whole with { Calls = calls }))
            .Concat(Each(whole.Buffers, SimplerWithinPages).Select(WithBuffers))
            .Concat(PlainerMachine(whole.Machine, given).Select(machine => whole with { Machine = machine }));

        FakeCase WithPlan(FaultPlan plan) => whole with { Machine = whole.Machine with { Plan = plan } };

        FakeCase WithBuffers(IReadOnlyList<FakeBufferShape> buffers) => whole with { Buffers = buffers };
    }

    public static IEnumerable<FakeMachineOptions> Shrink(FakeMachineOptions machine) =>
        Shrink(machine.Plan).Select(plan => machine with { Plan = plan }).Concat(PlainerMachine(machine, FakeMachineOptions.Plain));

    public static IEnumerable<FaultPlan> Shrink(FaultPlan plan) => FewerFaults(plan).Concat(SimplerFaults(plan));

    public static IEnumerable<FakeBufferShape> Shrink(FakeBufferShape buffer) => FewerPages(buffer).Concat(SimplerWithinPages(buffer));

    public static IEnumerable<FakeCallShape> Shrink(FakeCallShape call)
    {
        if (call.Buffer > 0)
        {
            yield return call with { Buffer = 0 };
        }

        foreach (FakeCallShape simpler in Simpler(call))
        {
            yield return simpler;
        }
    }

    public static IEnumerable<PlannedFault> Shrink(PlannedFault planned) =>
        Shrink(planned.InjectionPoint).Select(point => planned with { InjectionPoint = point }).Concat(Shrink(planned.Fault).Select(fault => planned with { Fault = fault }));

    /// <summary>
    /// Earlier injection points of the same kind; then the same call's entry, which a program needs nothing for.
    /// </summary>
    public static IEnumerable<FakeInjectionPoint> Shrink(FakeInjectionPoint point)
    {
        foreach (int call in Lower(point.Call, 1))
        {
            yield return point with { Call = call };
        }

        foreach (int index in Lower(point.Index, 1))
        {
            yield return point with { Index = index };
        }

        if (point.IsInCall)
        {
            yield return FakeInjectionPoint.BeforeEntry(point.Call);
        }
    }

    public static IEnumerable<FakeFault> Shrink(FakeFault fault)
    {
        if (fault.Target != FakeTarget.Accessed)
        {
            yield return fault with { Target = FakeTarget.Accessed };
            foreach (FakeTarget target in Shrink(fault.Target))
            {
                yield return fault with { Target = target };
            }
        }

        ulong plain = fault.Kind == FakeFaultKind.RefuseForeign ? ulong.MaxValue : 0;
        if (fault.Value != plain)
        {
            yield return fault with { Value = plain };
            if (fault.Kind != FakeFaultKind.RefuseForeign && fault.Value / 2 != plain)
            {
                yield return fault with { Value = fault.Value / 2 };
            }
        }
    }

    public static IEnumerable<FakeTarget> Shrink(FakeTarget target) => target == FakeTarget.Accessed
        ? []
        : Lower(target.Buffer, 1).Select(buffer => target with { Buffer = buffer }).Concat(Lower(target.Page, 0).Select(page => target with { Page = page }));

    private static IEnumerable<FaultPlan> FewerFaults(FaultPlan plan)
    {
        if (plan.Count == 0)
        {
            yield break;
        }

        yield return FaultPlan.None;
        PlannedFault[] faults = [.. plan];
        int half = faults.Length / 2;
        if (half > 1)
        {
            yield return FaultPlan.Create(faults.AsSpan(0, half));
            yield return FaultPlan.Create(faults.AsSpan(half));
        }

        for (int i = 0; i < faults.Length && faults.Length > 1; i++)
        {
            yield return FaultPlan.Create([.. faults[..i], .. faults[(i + 1)..]]);
        }
    }

    private static IEnumerable<FaultPlan> SimplerFaults(FaultPlan plan) => Each(plan, Shrink).Select(faults => FaultPlan.Create([.. faults]));

    /// <summary>Without one of the buffers: its calls go with it, or take the first one that is left.</summary>
    private static IEnumerable<FakeCase> FewerBuffers(FakeCase whole, bool ownsPlan)
    {
        for (int i = whole.Buffers.Count - 1; i >= 0 && whole.Buffers.Count > 1; i--)
        {
            FakeBufferShape[] buffers = [.. whole.Buffers.Where((_, index) => index != i)];
            FakeCallShape[] without = [.. whole.Calls.Where(call => call.Buffer != i).Select(call => Renumbered(call, i))];
            FakeCallShape[] moved = [.. whole.Calls.Select(call => Renumbered(call, i))];
            if (without.Length > 0 && without.Length < moved.Length)
            {
                yield return whole with { Buffers = buffers, Calls = without };
            }

            yield return whole with { Buffers = buffers, Calls = moved };
            FaultPlan plan = whole.Machine.Plan;
            if (ownsPlan && plan.Any(planned => planned.Fault.Target.Buffer > i + 1))
            {
                FaultPlan renumbered = FaultPlan.Create([.. plan.Select(planned => planned.Fault.Target.Buffer > i + 1
                    ? planned with { Fault = planned.Fault with { Target = planned.Fault.Target with { Buffer = planned.Fault.Target.Buffer - 1 } } }
                    : planned)]);
                yield return whole with { Buffers = buffers, Calls = moved, Machine = whole.Machine with { Plan = renumbered } };
            }
        }

        static FakeCallShape Renumbered(FakeCallShape call, int removed) =>
            call.Buffer == removed ? call with { Buffer = 0 } : call.Buffer > removed ? call with { Buffer = call.Buffer - 1 } : call;
    }

    private static IEnumerable<FakeBufferShape> FewerPages(FakeBufferShape buffer)
    {
        int pages = PagesOf(buffer);
        if (buffer.Offset > 0 && PagesOf(buffer with { Offset = 0 }) < pages)
        {
            yield return buffer with { Offset = 0 };
        }

        foreach (int fewer in Lower(buffer.Offset / GuestPage.Size, 0))
        {
            yield return buffer with { Offset = (fewer * GuestPage.Size) + (buffer.Offset % GuestPage.Size) };
        }

        // A whole number of pages, and the odd bytes beyond it: each can be what matters.
        int odd = (int)(((long)buffer.Offset + buffer.Length) % GuestPage.Size);
        foreach (int fewer in Lower(pages, 1))
        {
            long whole = ((long)fewer * GuestPage.Size) - buffer.Offset;
            if (whole >= 1)
            {
                yield return buffer with { Length = (int)whole };
            }

            long partial = whole - GuestPage.Size + odd;
            if (odd != 0 && partial >= 1)
            {
                yield return buffer with { Length = (int)partial };
            }
        }
    }

    private static IEnumerable<FakeBufferShape> SimplerWithinPages(FakeBufferShape buffer)
    {
        int pages = PagesOf(buffer);
        foreach (int offset in Lower(buffer.Offset, 0))
        {
            FakeBufferShape candidate = buffer with { Offset = offset };
            if (PagesOf(candidate) == pages)
            {
                yield return candidate;
            }
        }

        int least = (int)Math.Max(1, ((pages - 1L) * GuestPage.Size) - buffer.Offset + 1);
        foreach (int length in Lower(buffer.Length, least))
        {
            yield return buffer with { Length = length };
        }

        if (buffer.Contiguity != Contiguity.Any)
        {
            yield return buffer with { Contiguity = Contiguity.Any };
        }

        if (buffer.Residency != Residency.Pinned)
        {
            yield return buffer with { Residency = Residency.Pinned };
        }
    }

    /// <summary>
    /// Without some of the calls. What the plan says of later ones is about the same calls still, or about the same numbers.
    /// </summary>
    private static IEnumerable<FakeCase> FewerCalls(FakeCase whole, bool ownsPlan)
    {
        int count = whole.Calls.Count;
        for (int size = count - 1; size >= 1; size /= 2)
        {
            for (int start = 0; start + size <= count; start += size)
            {
                FakeCase fewer = whole with { Calls = [.. whole.Calls.Where((_, index) => index < start || index >= start + size)] };
                yield return fewer;
                foreach (FaultPlan earlier in ownsPlan ? Earlier(whole.Machine.Plan) : [])
                {
                    yield return fewer with { Machine = whole.Machine with { Plan = earlier } };
                }
            }
        }
    }

    /// <summary>
    /// The same faults, all of them so many calls, or so many guest steps, earlier: a program makes look-ups and steps of its
    /// own, and only it knows how many go with a call.
    /// </summary>
    private static IEnumerable<FaultPlan> Earlier(FaultPlan plan)
    {
        const int MostSteps = 100;
        int calls = plan.Count == 0 ? 0 : plan.Max(planned => planned.InjectionPoint.Call);
        int steps = plan.Count == 0 ? 0 : plan.Max(planned => planned.InjectionPoint.Call == 0 ? planned.InjectionPoint.Index : 0);
        for (int by = 1; by < calls; by++)
        {
            yield return FaultPlan.Create([.. plan.Select(planned => planned.InjectionPoint.Call > by
                ? planned with { InjectionPoint = planned.InjectionPoint with { Call = planned.InjectionPoint.Call - by } } : planned)]);
        }

        for (int by = 1; by < Math.Min(steps, MostSteps); by++)
        {
            yield return FaultPlan.Create([.. plan.Select(planned => planned.InjectionPoint.Call == 0 && planned.InjectionPoint.Index > by
                ? planned with { InjectionPoint = planned.InjectionPoint with { Index = planned.InjectionPoint.Index - by } } : planned)]);
        }
    }

    private static IEnumerable<FakeCallShape> Simpler(FakeCallShape call)
    {
        if (call.Technique != FakeTechnique.Virtual)
        {
            yield return call with { Technique = FakeTechnique.Virtual };
        }

        if (call.Direction == Direction.Both)
        {
            yield return call with { Direction = Direction.ToVmm };
            yield return call with { Direction = Direction.FromVmm };
        }
    }

    private static IEnumerable<FakeMachineOptions> PlainerMachine(FakeMachineOptions machine, FakeMachineOptions plain)
    {
        if (machine.Paging != plain.Paging)
        {
            yield return machine with { Paging = plain.Paging };
        }

        if (machine.Cpus != plain.Cpus)
        {
            yield return machine with { Cpus = plain.Cpus };
        }

        if (machine.LockLimit != plain.LockLimit)
        {
            yield return machine with { LockLimit = plain.LockLimit };
        }

        if (machine.CanPin != plain.CanPin)
        {
            yield return machine with { CanPin = plain.CanPin };
        }

        if (machine.CanAllocateContiguous != plain.CanAllocateContiguous)
        {
            yield return machine with { CanAllocateContiguous = plain.CanAllocateContiguous };
        }

        if (machine.HideFrames != plain.HideFrames)
        {
            yield return machine with { HideFrames = plain.HideFrames };
        }

        if (machine.Seed != plain.Seed)
        {
            yield return machine with { Seed = plain.Seed };
        }
    }

    /// <summary>The lists in which one element is simpler.</summary>
    private static IEnumerable<IReadOnlyList<T>> Each<T>(IReadOnlyList<T> list, Func<T, IEnumerable<T>> shrink)
    {
        for (int i = 0; i < list.Count; i++)
        {
            foreach (T simpler in shrink(list[i]))
            {
                T[] copy = [.. list];
                copy[i] = simpler;
                yield return copy;
            }
        }
    }

    /// <summary>Lower numbers: the least one, then half of the way, a quarter, ... and one less.</summary>
    private static IEnumerable<int> Lower(int number, int least)
    {
        for (int step = number - least; step > 0; step /= 2)
        {
            yield return number - step;
        }
    }
}
