using Xunit.Sdk;
using Xunit.v3;

// The pages' programs print, and the console is one.
[assembly: Parallelization(Mode = ParallelMode.None)]
