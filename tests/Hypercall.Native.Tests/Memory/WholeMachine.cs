namespace Hypercall.Native.Tests.Memory;

/// <summary>
/// Tests that change the state of the whole machine (compaction, swap), or count what the whole process holds: one at a time, and
/// nothing beside them.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeMachine
{
    public const string Name = "whole machine";
}
