using System.Runtime.ExceptionServices;
using FsCheck;
using FsCheck.Experimental;
using FsCheck.Fluent;

namespace Hypercall.Testing;

/// <summary>
/// A model-based test on the fake machine: sequences of operations, generated and made shorter by FsCheck, that are done to a
/// program and to a model of it at once.
/// </summary>
/// <remarks>
/// A sequence runs on a machine of its own, with a plan of faults of its own, which are shrunk after the operations. What the
/// machine saw counts (<see cref="FakeMachine.Failure"/>), even where the program swallowed it. A program that is
/// <see cref="IDisposable"/> is disposed at the end of a sequence.
/// </remarks>
/// <example>
/// <code>
/// [Property]
/// public Property The_agent_is_as_its_model() => new AgentMachine().ToProperty();
/// </code>
/// </example>
/// <typeparam name="TProgram">The program.</typeparam>
/// <typeparam name="TModel">The model: a value that does not change, for shrinking begins anew with it.</typeparam>
public abstract class FakeMachineSpecification<TProgram, TModel> : Machine<FakeMachineRun<TProgram>, TModel>
{
    /// <summary>A test of sequences as long as FsCheck's size.</summary>
    protected FakeMachineSpecification()
    {
    }

    /// <summary>A test of sequences of a length.</summary>
    /// <param name="maxOperations">How many operations a sequence has at most, 1 and more.</param>
    protected FakeMachineSpecification(int maxOperations)
        : base(maxOperations) => ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxOperations);

    /// <summary>What may happen on the machines. The default is everything.</summary>
    protected virtual FakeCaseSize Size => FakeCaseSize.Default;

    /// <summary>
    /// The machine as far as it is given: settings that differ from their defaults stay as they are. The default is any machine.
    /// </summary>
    protected virtual FakeMachineOptions Given => FakeMachineOptions.Plain;

    /// <summary>Machines to run on; how a new one is made ready, <see cref="Start"/> and <see cref="StartModel"/> say.</summary>
    public sealed override Arbitrary<Setup<FakeMachineRun<TProgram>, TModel>> Setup =>
        new FakeCaseArbitrary(Size, Given).Convert<FakeCase, Setup<FakeMachineRun<TProgram>, TModel>>(one => new MachineSetup(this, one), setup => ((MachineSetup)setup).Case);

    /// <summary>Ends a sequence.</summary>
    public sealed override TearDown<FakeMachineRun<TProgram>> TearDown => new MachineTearDown();

    /// <summary>Registers functions on a new machine, and starts the program on it.</summary>
    /// <param name="vmm">The machine.</param>
    protected abstract TProgram Start(FakeMachine vmm);

    /// <summary>The model of a program that was just started.</summary>
    protected abstract TModel StartModel();

    internal static void ThrowIfFailed(FakeMachine vmm)
    {
        if (vmm.Failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private sealed class MachineSetup(FakeMachineSpecification<TProgram, TModel> machine, FakeCase one) : Setup<FakeMachineRun<TProgram>, TModel>
    {
        public FakeCase Case => one;

        public override FakeMachineRun<TProgram> Actual()
        {
            FakeMachine vmm = new(one.Machine);
            return new FakeMachineRun<TProgram>(vmm, machine.Start(vmm));
        }

        public override TModel Model() => machine.StartModel();

        public override string ToString() => one.Machine.ToCSharp();
    }

    private sealed class MachineTearDown : TearDown<FakeMachineRun<TProgram>>
    {
        public override void Actual(FakeMachineRun<TProgram> actual)
        {
            (actual.Program as IDisposable)?.Dispose();
            ThrowIfFailed(actual.Machine);
        }

        public override string ToString() => "end";
    }
}
