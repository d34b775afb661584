// The pages' programs print, and the console is one.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
