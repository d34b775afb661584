using System.Reflection;

namespace Hypercall.Testing.Xunit.Tests;

/// <summary>What xunit does before and after a test.</summary>
internal sealed class SeenAttribute : global::Xunit.Sdk.BeforeAfterTestAttribute
{
    public override void Before(MethodInfo methodUnderTest) => Specimens.Log.Add("before");

    public override void After(MethodInfo methodUnderTest) => Specimens.Log.Add("after");
}
