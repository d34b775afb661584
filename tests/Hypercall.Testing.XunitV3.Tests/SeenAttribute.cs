using System.Reflection;
using Xunit.v3;

namespace Hypercall.Testing.Xunit.Tests;

/// <summary>What xunit does before and after a test.</summary>
internal sealed class SeenAttribute : BeforeAfterTestAttribute
{
    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => Specimens.Log.Add("before");

    public override void After(MethodInfo methodUnderTest, IXunitTest test) => Specimens.Log.Add("after");
}
