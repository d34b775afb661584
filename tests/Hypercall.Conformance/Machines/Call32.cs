namespace Hypercall.Conformance;

/// <summary>The 32-bit program that the guest's image brings (rig/guest/call32.c).</summary>
internal static class Call32
{
    public static string? Path { get; } = new[] { "/bin/call32", System.IO.Path.Combine(AppContext.BaseDirectory, "call32") }.FirstOrDefault(File.Exists);
}
