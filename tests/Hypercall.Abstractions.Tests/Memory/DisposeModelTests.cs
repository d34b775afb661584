using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Tests.Memory;

/// <summary>
/// Calls, leases, Dispose and interrupts of several threads on several buffers, in any order, against a model that knows no
/// locks.
/// </summary>
public class DisposeModelTests
{
    private const int Threads = 3;
    private const int Buffers = 3;

    internal enum Deed
    {
        Enter,
        End,
        Dispose,
        Lease,
        EndLease,
        Interrupt,
    }

    [Property(MaxTest = 150)]
    public Property Dispose_waits_for_whom_it_must_and_never_for_ever()
    {
        Gen<(int Thread, Deed Deed, int Buffer)> step =
            from thread in Gen.Choose(0, Threads - 1)
            from deed in Gen.Frequency(
                (5, Gen.Constant(Deed.Enter)),
                (3, Gen.Constant(Deed.End)),
                (6, Gen.Constant(Deed.Dispose)),
                (1, Gen.Constant(Deed.Lease)),
                (1, Gen.Constant(Deed.EndLease)),
                (1, Gen.Constant(Deed.Interrupt)))
            from buffer in Gen.Choose(0, Buffers - 1)
            select (thread, deed, buffer);
        return Prop.ForAll(step.ListOf().ToArbitrary(), steps =>
        {
            using Machine machine = new();
            foreach ((int thread, Deed deed, int buffer) in steps)
            {
                machine.Do(thread, deed, buffer);
            }

            machine.Finish();
        });
    }

    /// <summary>The model, and beside it the threads and buffers that it is held against.</summary>
    private sealed class Machine : IDisposable
    {
        private readonly GuestBufferDisposeTests.SomeBuffer[] _buffers = [.. Enumerable.Range(0, Buffers).Select(_ => new GuestBufferDisposeTests.SomeBuffer())];
        private readonly DisposeWorker[] _workers = [.. Enumerable.Range(0, Threads).Select(_ => new DisposeWorker())];
        private readonly Stack<GuestBufferLease>[] _leases = [.. Enumerable.Range(0, Buffers).Select(_ => new Stack<GuestBufferLease>())];
        private readonly Stack<int>[] _calls = [.. Enumerable.Range(0, Threads).Select(_ => new Stack<int>())];
        private readonly int?[] _waitsFor = new int?[Threads]; // the buffer that a thread waits to dispose
        private readonly bool[] _released = new bool[Buffers];

        public void Do(int thread, Deed deed, int buffer)
        {
            if (deed == Deed.Interrupt)
            {
                Interrupt(thread);
            }
            else if (_waitsFor[thread] is null)
            {
                switch (deed)
                {
                    case Deed.Enter:
                        Enter(thread, buffer);
                        break;
                    case Deed.End when _calls[thread].Count != 0:
                        End(thread);
                        break;
                    case Deed.Dispose:
                        Dispose(thread, buffer);
                        break;
                    case Deed.Lease:
                        Lease(thread, buffer);
                        break;
                    case Deed.EndLease when _leases[buffer].Count != 0:
                        _leases[buffer].Pop().Dispose();
                        break;
                    default:
                        break;
                }
            }

            Check();
        }

        /// <summary>Ends every call and lease, and disposes every buffer: all of it must end.</summary>
        public void Finish()
        {
            while (Enumerable.Range(0, Threads).Any(thread => _calls[thread].Count != 0))
            {
                End(Enumerable.Range(0, Threads).First(thread => _calls[thread].Count != 0 && _waitsFor[thread] is null));
            }

            for (int buffer = 0; buffer < Buffers; buffer++)
            {
                while (_leases[buffer].TryPop(out GuestBufferLease? lease))
                {
                    lease.Dispose();
                }

                Dispose(0, buffer);
            }

            Check();
            Assert.DoesNotContain(false, _released);
        }

        public void Dispose() => Array.ForEach(_workers, worker => worker.Dispose());

        private bool IsDisposed(int buffer) => _released[buffer] || _waitsFor.Contains(buffer);

        private IEnumerable<int> Callers(int buffer) => Enumerable.Range(0, Threads).Where(thread => _calls[thread].Contains(buffer));

        private void Enter(int thread, int buffer)
        {
            Exception? thrown = _workers[thread].Enter(_buffers[buffer]);
            if (IsDisposed(buffer))
            {
                _ = Assert.IsType<ObjectDisposedException>(thrown);
            }
            else
            {
                Assert.Null(thrown);
                _calls[thread].Push(buffer);
            }
        }

        private void End(int thread)
        {
            int buffer = _calls[thread].Pop();
            _workers[thread].End();
            if (IsDisposed(buffer) && !Callers(buffer).Any())
            {
                Release(buffer);
            }
        }

        private void Lease(int thread, int buffer)
        {
            GuestBufferLease? lease = null;
            _workers[thread].Start(() => lease = _buffers[buffer].Lease("ring"));
            Exception? thrown = _workers[thread].Result();
            if (IsDisposed(buffer))
            {
                _ = Assert.IsType<ObjectDisposedException>(thrown);
            }
            else
            {
                Assert.Null(thrown);
                _leases[buffer].Push(lease!);
            }
        }

        private void Dispose(int thread, int buffer)
        {
            _workers[thread].Start(_buffers[buffer].Dispose);
            _workers[thread].AwaitDoneOrWaiting();
            bool waits = !_released[buffer] && Callers(buffer).Any();
            _waitsFor[thread] = waits ? buffer : null;
            bool isRefused = !_released[buffer] && (_leases[buffer].Count != 0 || Callers(buffer).Contains(thread) || !CanGoOn(thread));
            if (isRefused)
            {
                _waitsFor[thread] = null;
                _ = Assert.IsType<InvalidOperationException>(_workers[thread].Result());
            }
            else if (!waits)
            {
                Assert.Null(_workers[thread].Result());
                _released[buffer] = true;
            }
        }

        private void Interrupt(int thread)
        {
            if (_waitsFor[thread] is { } buffer)
            {
                _workers[thread].Interrupt();
                _ = Assert.IsType<ThreadInterruptedException>(_workers[thread].Result());
                _waitsFor[thread] = null;
                if (IsDisposed(buffer))
                {
                    Assert.True(SpinWait.SpinUntil(() => _buffers[buffer].IsDisposed, LastResort.Bound), "Nobody took the place of the interrupted one.");
                }
            }
        }

        private void Release(int buffer)
        {
            _released[buffer] = true;
            for (int thread = 0; thread < Threads; thread++)
            {
                if (_waitsFor[thread] == buffer)
                {
                    _waitsFor[thread] = null;
                    Assert.Null(_workers[thread].Result());
                }
            }
        }

        // Who does not wait goes on; who waits does so when all can that it waits for. What is left over would wait for ever.
        private bool CanGoOn(int asking)
        {
            bool[] moves = [.. Enumerable.Range(0, Threads).Select(thread => _waitsFor[thread] is null)];
            for (int round = 0; round < Threads; round++)
            {
                for (int thread = 0; thread < Threads; thread++)
                {
                    moves[thread] |= _waitsFor[thread] is { } buffer && Callers(buffer).All(caller => moves[caller]);
                }
            }

            return moves[asking];
        }

        private void Check()
        {
            for (int buffer = 0; buffer < Buffers; buffer++)
            {
                Assert.Equal(_released[buffer] ? 1 : 0, _buffers[buffer].Releases);
                Assert.Equal(IsDisposed(buffer), _buffers[buffer].IsDisposed);
                Assert.Equal(_leases[buffer].Count != 0 || Callers(buffer).Any(), _buffers[buffer].IsLeased);
            }

            for (int thread = 0; thread < Threads; thread++)
            {
                Assert.Equal(_waitsFor[thread] is null, _workers[thread].IsDone);
            }
        }
    }
}
