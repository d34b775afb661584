using Hypercall.Native.FaultStress;

// What kills a process, or could, is tried in a process of its own. Exit codes: 0 as it should be, 1 something was wrong, 2 usage;
// a mode that is meant to die says which way in its first line.
return args switch
{
    ["stress", .. string[] rest] => StressMode.Run(rest),
    ["crash", "ud2" or "null", ..] => CrashModes.CrashElsewhere(args[1], isGuarded: args is not [_, _, "unguarded"]),
    ["raised", string signal, ..] => CrashModes.RaiseFromOutside(int.Parse(signal), isGuarded: args is not [_, _, "unguarded"]),
    ["badframe"] => CrashModes.PassBadFrame(),
    ["signalreg"] => RepairModes.SurviveSignalRegistration(),
    ["memory"] => MemoryMode.Run(),
    ["call"] => StressMode.CallOnce(Stubs.IncrementRax()),
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
          memory                               locking, windows and passing by virtual address, and no to what is physical (Windows)
          call                                 one call, through the interface
          mdwe                                 makes the stub after PR_SET_MDWE (needs NativeAOT: a JIT cannot live with it)
        """);
    return 2;
}
