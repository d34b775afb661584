using System.Reflection;
using Hypercall.BitVisor;
using Hypercall.Native;
using Hypercall.Testing;

namespace Hypercall.Docs.Tests;

/// <summary>The error reference is complete.</summary>
public class ErrorReferenceTests
{
    private static readonly string Page = File.ReadAllText(Checkout.Full("docs/errors.md"));

    public static TheoryData<string> Exceptions =>
    [
        .. new[]
            {
                typeof(HypercallException), typeof(NativeMachine), typeof(FakeMachine), typeof(FakeArbitraries), typeof(BitVisorClient),
            }
            .SelectMany(type => type.Assembly.GetExportedTypes())
            .Where(type => typeof(Exception).IsAssignableFrom(type))
            .Select(type => type.Name),
    ];

    public static TheoryData<string> Reasons => [.. Enum.GetNames<GuestMemoryRefusalReason>()];

    // The tool's own enum: its numbers are its surface, and the type is not.
    public static TheoryData<int> ExitCodes =>
    [
        .. Assembly.Load("hypercall").GetType("Hypercall.Cli.ExitCode", throwOnError: true)!.GetEnumValuesAsUnderlyingType().Cast<int>(),
    ];

    [Theory]
    [MemberData(nameof(Exceptions))]
    public void Every_exception_has_its_place(string name) => Assert.Contains($"`{name}`", Page, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Every_reason_of_a_refusal_has_its_row(string name) => Assert.Contains($"\n| `{name}` |", Page, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(ExitCodes))]
    public void Every_exit_code_has_its_row(int code) => Assert.Contains($"\n| {code} |", Page, StringComparison.Ordinal);
}
