using System.Runtime.InteropServices;

namespace Hypercall.Native.FaultStress;

/// <summary>The C interface of the NativeAOT library: tests/Hypercall.Native.Tests/Guard/host.c calls it.</summary>
internal static class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "hypercall_fault")]
    public static int Fault(int which) => Entry.Fault(which);

    [UnmanagedCallersOnly(EntryPoint = "hypercall_null")]
    public static int Null() => Entry.Null();

    [UnmanagedCallersOnly(EntryPoint = "hypercall_wait_for_look")]
    public static void WaitForLook() => Entry.WaitForLook();

    [UnmanagedCallersOnly(EntryPoint = "hypercall_stress")]
    public static int Stress(int threads, int calls) => Entry.Stress(threads, calls);
}
