using FsCheck;
using FsCheck.Experimental;
using FsCheck.Fluent;

namespace Hypercall.Testing;

/// <summary>
/// One operation of a model-based test: what it does to the model, what to the program, and what must be so afterwards.
/// </summary>
/// <remarks>Override <see cref="object.ToString"/>: it is what a failure prints.</remarks>
/// <typeparam name="TProgram">The program.</typeparam>
/// <typeparam name="TModel">The model: a value that does not change.</typeparam>
public abstract class FakeMachineOperation<TProgram, TModel> : Operation<FakeMachineRun<TProgram>, TModel>
{
    /// <summary>Does it, and throws if the program is not as the model says.</summary>
    /// <param name="vmm">The machine.</param>
    /// <param name="program">The program.</param>
    /// <param name="model">The model as <see cref="Operation{TActual, TModel}.Run"/> made it: after the operation.</param>
    protected abstract void Act(FakeMachine vmm, TProgram program, TModel model);

    /// <inheritdoc/>
    public sealed override Property Check(FakeMachineRun<TProgram> actual, TModel model)
    {
        ArgumentNullException.ThrowIfNull(actual);
        Act(actual.Machine, actual.Program, model);
        FakeMachineSpecification<TProgram, TModel>.ThrowIfFailed(actual.Machine);
        return true.ToProperty();
    }
}
