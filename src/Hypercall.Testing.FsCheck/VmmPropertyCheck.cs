using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Hypercall.Testing;

/// <summary>
/// Has FsCheck try a property, each time with a new machine, through <see cref="VmmCheck"/>: the same for every test framework.
/// </summary>
/// <param name="method">The property.</param>
/// <param name="instance">The object that it is a method of; null for a static one.</param>
/// <param name="options">What its attribute says.</param>
/// <param name="methods">All methods of its class.</param>
/// <param name="cancellationToken">Ends it.</param>
internal sealed class VmmPropertyCheck(
    MethodInfo method,
    object? instance,
    VmmPropertyOptions options,
    IEnumerable<MethodInfo> methods,
    CancellationToken cancellationToken)
{
    private static readonly Type[] Results =
        [typeof(void), typeof(bool), typeof(Task), typeof(Task<bool>), typeof(ValueTask), typeof(ValueTask<bool>)];

    private readonly ParameterInfo[] _parameters = method.GetParameters();
    private readonly Lock _gate = new();
    private (VmmPropertyArguments Arguments, VmmCheckFailedException Failure)? _smallest;

    /// <summary>Tries it, and throws if it does not hold.</summary>
    /// <param name="config">How often, and so on, with a runner that keeps the result.</param>
    /// <param name="result">The result that the runner kept.</param>
    /// <param name="print">Prints a line beside the test.</param>
    public void Run(Config config, Func<TestResult> result, Action<string> print)
    {
        CheckSignature();
        IVmmSetup? setup = options.Setup();
        Action<FakeMachine>? configure = ConfigureOf();
        FakeCaseArbitrary cases = new(options.SizeFrom(setup?.Size ?? FakeCaseSize.Default), setup?.Machine);
        IArbMap map = config.ArbMap.Merge(typeof(FakeArbitraries));
        Check.One(config, Prop.ForAll(Arguments(cases, map), arguments => Try(arguments, Ready)));
        Report(result(), config.QuietOnSuccess ? null : print);

        void Ready(FakeMachine vmm)
        {
            setup?.Configure(vmm);
            configure?.Invoke(vmm);
        }
    }

    private void CheckSignature()
    {
        if (_parameters.Count(parameter => parameter.ParameterType == typeof(FakeMachine)) > 1
            || _parameters.Count(parameter => parameter.ParameterType == typeof(FakeCase)) > 1)
        {
            throw new InvalidOperationException(
                $"{method.Name} takes more than one {nameof(FakeMachine)} or {nameof(FakeCase)}: a property has one machine. "
                + $"Make others yourself, new FakeMachine(options), of a parameter of type {nameof(FakeMachineOptions)}.");
        }

        Type result = method.ReturnType;
        if (result == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute)))
        {
            throw new InvalidOperationException($"{method.Name} is async void, and nobody could wait for it. Let it return Task.");
        }

        if (!Results.Contains(result))
        {
            throw new InvalidOperationException(
                $"{method.Name} returns {result.Name}. A [VmmProperty] returns nothing, bool, Task, Task<bool>, ValueTask or "
                + "ValueTask<bool>; for an FsCheck Property use [Property], with Arbitrary = [typeof(FakeArbitraries)].");
        }

        if (method.ContainsGenericParameters)
        {
            throw new InvalidOperationException($"{method.Name} is generic: FsCheck does not know what to call it with.");
        }
    }

    private Action<FakeMachine>? ConfigureOf()
    {
        if (options.Configure is not { } name)
        {
            return null;
        }

        MethodInfo? found = methods.FirstOrDefault(candidate =>
            candidate.Name == name && candidate.GetParameters() is [{ } only] && only.ParameterType == typeof(FakeMachine));
        return found is not null && (found.IsStatic || instance is not null)
            ? vmm => Invoke(found, [vmm])
            : throw new InvalidOperationException(
                $"[VmmProperty(Configure = \"{name}\")]: {method.ReflectedType?.Name} has no method {name}({nameof(FakeMachine)})"
                + $"{(found is null ? "" : " that is static, as the property is")}.");
    }

    private Arbitrary<VmmPropertyArguments> Arguments(FakeCaseArbitrary cases, IArbMap map)
    {
        Arbitrary<object>?[] others = [.. _parameters.Select(parameter =>
            parameter.ParameterType == typeof(FakeMachine) || parameter.ParameterType == typeof(FakeCase) ? null : map.ArbFor(parameter.ParameterType))];
        Gen<object?[]> values = Gen.CollectToArray(others.Select(other => other is null ? Gen.Constant<object?>(null) : other.Generator.Select(value => (object?)value)));
        return Arb.From(cases.Generator.Zip(values, (one, rest) => new VmmPropertyArguments(_parameters, one, rest)), Shrink);

        IEnumerable<VmmPropertyArguments> Shrink(VmmPropertyArguments arguments)
        {
            foreach (FakeCase simpler in cases.Shrinker(arguments.Case))
            {
                yield return arguments.With(simpler);
            }

            for (int i = 0; i < others.Length; i++)
            {
                if (others[i] is { } other && arguments.Others[i] is { } value)
                {
                    foreach (object simpler in other.Shrinker(value))
                    {
                        yield return arguments.With(i, simpler);
                    }
                }
            }
        }
    }

    private Property Try(VmmPropertyArguments arguments, Action<FakeMachine> ready)
    {
        cancellationToken.ThrowIfCancellationRequested();
        VmmCheckResult result = VmmCheck.TryRunAsync((vmm, tried) => Call(arguments.For(vmm, tried)), new VmmCheckOptions
        {
            Replay = arguments.Case,
            Configure = ready,
            CancellationToken = cancellationToken,
        }).GetAwaiter().GetResult();
        if (result.Cases == 0)
        {
            return Prop.When(true, false);
        }

        // A simpler case that fails in another way would lead to another bug, or to one of the property.
        if (result.Failure is { } failure && IsSmallest(arguments, failure))
        {
            ExceptionDispatchInfo.Throw(failure.InnerException!);
        }

        return result.Labels.Keys.Aggregate(true.ToProperty(), (property, label) => property.Classify(true, label));
    }

    private bool IsSmallest(VmmPropertyArguments arguments, VmmCheckFailedException failure)
    {
        lock (_gate)
        {
            if (_smallest is { } last && (last.Failure.Oracle != failure.Oracle || last.Failure.InnerException!.GetType() != failure.InnerException!.GetType()))
            {
                return false;
            }

            _smallest = (arguments, failure);
            return true;
        }
    }

    private async Task Call(object?[] arguments)
    {
        object? result = Invoke(method, arguments);
        bool holds = true;
        switch (result)
        {
            case bool value:
                holds = value;
                break;
            case Task<bool> task:
                holds = await task.ConfigureAwait(false);
                break;
            case ValueTask<bool> task:
                holds = await task.ConfigureAwait(false);
                break;
            case Task task:
                await task.ConfigureAwait(false);
                break;
            case ValueTask task:
                await task.ConfigureAwait(false);
                break;
        }

        if (!holds)
        {
            throw new VmmPropertyFailedException($"{method.Name} returned false.", null);
        }
    }

    private object? Invoke(MethodInfo called, object?[] arguments) =>
        called.Invoke(called.IsStatic ? null : instance, BindingFlags.DoNotWrapExceptions, null, arguments, CultureInfo.InvariantCulture);

    private void Report(TestResult result, Action<string>? print)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (result is TestResult.Failed failed)
        {
            (VmmPropertyArguments arguments, VmmCheckFailedException failure) = _smallest
                ?? throw new VmmPropertyFailedException(Runner.onFinishedToString("", result), (failed.Item4 as Outcome.Failed)?.Item);
            throw new VmmPropertyFailedException(Message(failed, arguments, failure), failure.InnerException);
        }

        if (result.IsExhausted)
        {
            throw new VmmPropertyFailedException(
                $"The property wanted too few of the cases. {Runner.onFinishedToString("", result)}Let it make what it needs out of any case, or set MaxRejected.", null);
        }

        print?.Invoke(Runner.onFinishedToString("", result));
    }

    private static string Message(TestResult.Failed failed, VmmPropertyArguments arguments, VmmCheckFailedException failure)
    {
        (TestData data, Rnd seed, int size) = (failed.Item1, failed.Item6, failed.Item7);
        StringBuilder text = new();
        _ = text.Append(CultureInfo.InvariantCulture, $"The property failed after {data.NumberOfTests} test{(data.NumberOfTests == 1 ? "" : "s")} and {data.NumberOfShrinks} shrink{(data.NumberOfShrinks == 1 ? "" : "s")}, with:")
            .AppendLine()
            .Append(arguments)
            .AppendLine()
            .AppendLine(failure.Message)
            .AppendLine("The case that failed first, with all its arguments, shrunk again:")
            .Append(CultureInfo.InvariantCulture, $"    [VmmProperty(Replay = \"({seed.Seed},{seed.Gamma},{size})\")]");
        return text.ToString();
    }
}
