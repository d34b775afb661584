using FsCheck;
using FsCheck.Experimental;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

public sealed class FakeMachineSpecificationTests
{
    /// <summary>Whatever a program and the kernel do to its memory, in any order, the fake guest is as the model says.</summary>
    [Property(MaxTest = 200)]
    public Property The_fake_guests_memory_is_as_a_simple_model_of_a_kernel_says() => new PagesMachine().ToProperty();

    [Fact]
    public void A_program_that_is_not_as_its_model_fails_in_the_shortest_sequence()
    {
        CounterMachine machine = new(wrongAfter: 3);
        Exception failure = Assert.ThrowsAny<Exception>(() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(500), machine.ToProperty()));
        Assert.Contains("is not as its model", failure.ToString(), StringComparison.Ordinal);
        (int length, FaultPlan plan) = machine.Failed;
        Assert.Equal(4, length);
        Assert.Empty(plan);
    }

    [Fact]
    public void What_the_machine_saw_counts_though_the_program_swallowed_it()
    {
        CounterMachine machine = new(wrongAfter: 100) { Swallows = true };
        Exception failure = Assert.ThrowsAny<Exception>(() => Check.One(Config.QuickThrowOnFailure, machine.ToProperty()));
        Assert.Contains(nameof(FakeMachineException), failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_sequence_has_a_machine_and_a_program_of_its_own_which_is_disposed()
    {
        CounterMachine machine = new(wrongAfter: 1000);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(50), machine.ToProperty());
        Assert.Equal(50, machine.Started.Distinct().Count());
        Assert.All(machine.Programs, program => Assert.True(program.IsDisposed));
    }

    private sealed class PagesMachine() : FakeMachineSpecification<PagesProgram, PagesModel>(maxOperations: 40)
    {
        private const long Limit = 12 * GuestPage.Size;

        protected override FakeCaseSize Size => new() { MaxFaults = 0, VaryMachine = false }; // faults are operations here

        protected override FakeMachineOptions Given => new() { LockLimit = Limit };

        public override Gen<Operation<FakeMachineRun<PagesProgram>, PagesModel>> Next(PagesModel model)
        {
            Gen<int> regions = Gen.Elements(model.Alive.DefaultIfEmpty(0).ToArray());
            Gen<int> pages = Gen.Choose(0, PagesModel.MaxPages - 1);
            Gen<Residency> residencies = Gen.Elements(Enum.GetValues<Residency>());
            return Gen.Frequency(
                (3, from count in Gen.Choose(1, PagesModel.MaxPages)
                    from residency in residencies
                    from contiguity in Gen.Elements(Enum.GetValues<Contiguity>())
                    select Any(new Allocate(count, residency, contiguity))),
                (4, from region in regions from page in pages from fill in Gen.Choose(1, 255) select Any(new Fill(region, page, (byte)fill))),
                (1, regions.Select(region => Any(new Touch(region)))),
                (8, from region in regions
                    from page in pages
                    from kind in Gen.Elements(FakeFaultKind.SwapOut, FakeFaultKind.PageMigration, FakeFaultKind.DropMapping, FakeFaultKind.WriteProtect)
                    select Any(new Befall(region, page, kind))),
                (4, from region in regions from first in pages from count in Gen.Choose(1, 3) from residency in residencies select Any(new Open(region, first, count, residency))),
                (2, from region in regions from hold in Gen.Choose(0, 3) select Any(new Close(region, hold))),
                (1, regions.Select(region => Any(new Free(region)))));
        }

        protected override PagesProgram Start(FakeMachine vmm) => new(vmm);

        protected override PagesModel StartModel() => PagesModel.Empty(Limit);

        private static Operation<FakeMachineRun<PagesProgram>, PagesModel> Any(PagesOperation operation) => operation;
    }

    private sealed class CounterMachine(int wrongAfter) : FakeMachineSpecification<Counter, int>
    {
        public bool Swallows { get; init; }

        public List<FakeMachine> Started { get; } = [];

        public List<Counter> Programs { get; } = [];

        /// <summary>The last sequence that failed, which is the shortest.</summary>
        public (int Length, FaultPlan Plan) Failed { get; set; }

        public override Gen<Operation<FakeMachineRun<Counter>, int>> Next(int model) => Gen.Constant<Operation<FakeMachineRun<Counter>, int>>(new Increment(this, wrongAfter, Swallows));

        protected override Counter Start(FakeMachine vmm)
        {
            Started.Add(vmm);
            Programs.Add(new Counter());
            return Programs[^1];
        }

        protected override int StartModel() => 0;
    }

    private sealed class Increment(CounterMachine machine, int wrongAfter, bool swallows) : FakeMachineOperation<Counter, int>
    {
        public override int Run(int model) => model + 1;

        public override string ToString() => "increment";

        protected override void Act(FakeMachine vmm, Counter program, int model)
        {
            program.Count++;
            if (swallows)
            {
                _ = OracleAssert.Speaks(FakeOracle.DataLost, () => vmm.ReportDataLost("a number"));
            }

            if (model > wrongAfter)
            {
                machine.Failed = (program.Count, vmm.Options.Plan);
                throw new InvalidDataException("The counter is not as its model says.");
            }

            Assert.Equal(model, program.Count);
        }
    }

    private sealed class Counter : IDisposable
    {
        public int Count { get; set; }

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
