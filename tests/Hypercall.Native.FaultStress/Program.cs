using Hypercall.Native.FaultStress;

// What kills a process, or could, is tried in a process of its own. Exit codes: 0 as it should be, 1 something was wrong, 2
// usage; a mode that is meant to die says which way in its first line.
return args switch
{
    ["stress", .. string[] rest] => StressMode.Run(rest),
    ["crash", "ud2" or "null", ..] => CrashModes.CrashElsewhere(args[1], isGuarded: args is not [_, _, "unguarded"]),
    ["raised", string signal, ..] => CrashModes.RaiseFromOutside(int.Parse(signal), isGuarded: args is not [_, _, "unguarded"]),
    ["badframe"] => CrashModes.PassBadFrame(),
    ["signalreg"] => RepairModes.SurviveSignalRegistration(),
    ["call"] => Entry.Fault(0) switch { (int)Hypercall.CpuFaultKind.InvalidOpcode => 0, -1 => 3, _ => 1 },
    ["blocked"] => BlockedMode.Run(),
    ["beside", string library, "first" or "second", string calls] => BesideMode.Run(library, isFirst: args[2] == "first", int.Parse(calls)),
#if COPIES
    ["copies", "stress", string calls] => CopiesMode.Stress(int.Parse(calls)),
    ["copies", "registration", "first" or "last"] => CopiesMode.SurviveRegistration(firstIsAskedFirst: args[2] == "first"),
    ["copies", "outlive"] => CopiesMode.OutliveTheFirst(),
    ["copies", "reload", string count] => CopiesMode.Reload(int.Parse(count)),
#endif
    ["memory"] => MemoryMode.Run(),
    ["once"] => StressMode.CallOnce(Stubs.IncrementRax()),
    ["mdwe"] => RepairModes.MakeStubWithoutExecGain(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        """
        Hypercall.Native.FaultStress MODE
          stress [--threads N] [--calls N]     calls that complete and calls that fault, under GC, with NullReferenceExceptions
          crash ud2|null [unguarded]           dies outside the stub: by SIGILL, or by a write to address 0 in native code
          raised SIGNAL [unguarded]            dies of a signal that was sent
          badframe                             a bad frame pointer reaches the handler before the guard, which exits 42
          signalreg                            a PosixSignalRegistration takes the guard away
          call                                 one call that faults: 0, or 3 and a typed error
          blocked                              a thread that blocks all signals, before its first call and later
          beside LIBRARY first|second CALLS    this program and its NativeAOT library, each with a guard; which one's is first
          copies stress CALLS                  two copies in AssemblyLoadContexts, as stress (not NativeAOT, as all of copies)
          copies registration first|last       a PosixSignalRegistration takes the guard of three copies away
          copies outlive                       three copies, of which the first is unloaded
          copies reload COUNT                  copies that come and go
          memory                               locking, windows and passing by virtual address, and no to what is physical (Windows)
          once                                 one call that completes, through the interface
          mdwe                                 makes the stub after PR_SET_MDWE (needs NativeAOT: a JIT cannot live with it)
        """);
    return 2;
}
