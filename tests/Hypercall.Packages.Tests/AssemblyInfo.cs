// Each of these tests builds something with all the cores there are.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
