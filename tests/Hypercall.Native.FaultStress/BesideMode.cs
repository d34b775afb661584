using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native.FaultStress;

/// <summary>Two runtimes in one process, each with a guard: this one, and a NativeAOT library's.</summary>
internal static unsafe class BesideMode
{
    public static int Run(string library, bool isFirst, int calls)
    {
        if (isFirst)
        {
            Expect(Entry.Fault(0), Entry.Fault(1), Entry.Null());
        }

        // Made before the library's guard: what it puts back in the end knows neither guard.
        PosixSignalRegistration registration = PosixSignalRegistration.Create((PosixSignal)Libc.SigIll, _ => { });
        nint handle = NativeLibrary.Load(library);
        var fault = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(handle, "hypercall_fault");
        var isNull = (delegate* unmanaged<int>)NativeLibrary.GetExport(handle, "hypercall_null");
        var wait = (delegate* unmanaged<void>)NativeLibrary.GetExport(handle, "hypercall_wait_for_look");
        var stress = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(handle, "hypercall_stress");
        for (int round = 0; round < 3; round++)
        {
            Expect(fault(0), fault(1), isNull());
            Expect(Entry.Fault(0), Entry.Fault(1), Entry.Null());
            if (round == 0)
            {
                registration.Dispose();
                wait();
                Expect(fault(0), fault(1), isNull()); // the library alone looks after its guard first
            }
        }

        int right = 0;
        Thread other = new(() => right = stress(4, calls));
        other.Start();
        int here = Entry.Stress(4, calls);
        other.Join();
        Console.WriteLine($"{SharedPages.Count("handler pages")} handler pages"); // a guard that fights another one makes more and more
        return here | right;
    }

    private static void Expect(int invalidOpcode, int badLoad, int nullReference)
    {
        if ((invalidOpcode, badLoad, nullReference) != ((int)CpuFaultKind.InvalidOpcode, (int)CpuFaultKind.PageFault, 42))
        {
            throw new InvalidOperationException($"Expected 1, 3 and 42, got {invalidOpcode}, {badLoad} and {nullReference}.");
        }
    }
}
