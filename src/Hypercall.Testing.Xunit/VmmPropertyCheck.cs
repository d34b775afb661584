using System.Globalization;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit.Sdk;

namespace Hypercall.Testing.Xunit;

/// <summary>Has FsCheck try a property, each time with a new machine, through <see cref="VmmCheck"/>.</summary>
internal sealed class VmmPropertyCheck(VmmPropertyTestCase test, MethodInfo method, object? instance, TestOutputHelper output, CancellationToken cancellationToken)
{
    private readonly ParameterInfo[] _parameters = method.GetParameters();
    private readonly Lock _gate = new();
    private (VmmPropertyArguments Arguments, VmmCheckFailedException Failure)? _smallest;

    public void Run()
    {
        VmmPropertyAttribute attribute = method.GetCustomAttribute<VmmPropertyAttribute>()!;
        CheckSignature();
        IVmmSetup? setup = SetupOf(attribute);
        Action<FakeMachine>? configure = ConfigureOf(attribute);
        Config config = test.Init(output);
        FakeCaseArbitrary cases = new(attribute.SizeFrom(setup?.Size ?? new FakeCaseSize()), setup?.Machine);
        Property property = Prop.ForAll(Arguments(cases, config.ArbMap.Merge(typeof(FakeArbitraries))), arguments => Try(arguments, Ready));
        Check.One(config, property);
        Report(((XunitRunner)config.Runner).Result, config);

        void Ready(FakeMachine vmm)
        {
            setup?.Configure(vmm);
            configure?.Invoke(vmm);
        }
    }

    private void CheckSignature()
    {
        if (_parameters.Count(parameter => parameter.ParameterType == typeof(FakeMachine)) > 1 || _parameters.Count(parameter => parameter.ParameterType == typeof(FakeCase)) > 1)
        {
            throw new InvalidOperationException($"{method.Name} takes more than one {nameof(FakeMachine)} or {nameof(FakeCase)}: a property has one machine. Make others yourself, new FakeMachine(options), of a parameter of type {nameof(FakeMachineOptions)}.");
        }

        Type result = method.ReturnType;
        if (result != typeof(void) && result != typeof(bool) && result != typeof(Task) && result != typeof(Task<bool>) && result != typeof(ValueTask) && result != typeof(ValueTask<bool>))
        {
            throw new InvalidOperationException($"{method.Name} returns {result.Name}. A [VmmProperty] returns nothing, bool, Task, Task<bool>, ValueTask or ValueTask<bool>; for an FsCheck Property use [Property], with Arbitrary = [typeof(FakeArbitraries)].");
        }

        if (method.ContainsGenericParameters)
        {
            throw new InvalidOperationException($"{method.Name} is generic: FsCheck does not know what to call it with.");
        }
    }

    private static IVmmSetup? SetupOf(VmmPropertyAttribute attribute)
    {
        if (attribute.Machine is null)
        {
            return null;
        }

        return attribute.Machine.IsAssignableTo(typeof(IVmmSetup))
            ? (IVmmSetup)Activator.CreateInstance(attribute.Machine)!
            : throw new InvalidOperationException($"{attribute.Machine.Name}, which [VmmProperty(Machine = typeof({attribute.Machine.Name}))] names, is no {nameof(IVmmSetup)}.");
    }

    private Action<FakeMachine>? ConfigureOf(VmmPropertyAttribute attribute)
    {
        if (attribute.Configure is not { } name)
        {
            return null;
        }

        MethodInfo? found = test.TestMethod.TestClass.Class.GetMethods(includePrivateMethods: true)
            .Where(candidate => candidate.Name == name)
            .Select(candidate => candidate.ToRuntimeMethod())
            .FirstOrDefault(candidate => candidate.GetParameters() is [{ } only] && only.ParameterType == typeof(FakeMachine));
        if (found is null || (!found.IsStatic && instance is null))
        {
            throw new InvalidOperationException(
                $"[VmmProperty(Configure = \"{name}\")]: {test.TestMethod.TestClass.Class.Name} has no method {name}({nameof(FakeMachine)}){(found is null ? "" : " that is static, as the property is")}.");
        }

        return vmm => Invoke(found, [vmm]);
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
        VmmCheckResult result = VmmCheck.TryRun((vmm, tried) => Call(arguments.For(vmm, tried)), new VmmCheckOptions
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

    private void Report(TestResult result, Config config)
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

        if (!config.QuietOnSuccess)
        {
            output.WriteLine(Runner.onFinishedToString("", result));
        }
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
