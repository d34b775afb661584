using Hypercall.Native.Execution;
using Hypercall.Native.Guard;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Guard;

/// <summary>What the guard does about each handler that it may find, on signal actions that are not the process's.</summary>
public sealed class LinuxFaultGuardTests
{
    private const nint Stranger = 0x5000_0123; // an address that belongs to no library
    private static readonly int[] Signals = [Libc.SigIll, Libc.SigSegv, Libc.SigBus];
    private static readonly Lazy<CodeArena> Stubs = new(() => new CodeArena(CodePages.Current, 1, "test stubs"));

    private readonly FakeActions _actions = new();
    private readonly CodeArena _pages;
    private readonly LinuxFaultGuard _guard;

    public LinuxFaultGuardTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "This guard is Linux's, on x86-64.");
        (_guard, _pages) = Install();
    }

    /// <summary>
    /// The runtime's own handler of SIGSEGV is behind the guard of this process: any address in its code will do.
    /// </summary>
    private static nint Runtime
    {
        get
        {
            System.Runtime.InteropServices.ComWrappers.GetIUnknownImpl(out _, out nint address, out _);
            return address;
        }
    }

    [Fact]
    public void It_stands_in_front_of_what_it_finds_first_even_a_stranger()
    {
        FakeActions actions = new() { [Libc.SigIll] = Stranger };
        (_, CodeArena pages) = Install(actions);

        Assert.All(Signals, signal => Assert.True(pages.Contains(actions[signal])));
        Assert.Equal(Stranger, Next(actions[Libc.SigIll]));
    }

    [Fact]
    public void A_stranger_that_came_later_is_left_alone()
    {
        _actions[Libc.SigIll] = Stranger;

        _guard.Verify();

        Assert.Equal((Stranger, 3), (_actions[Libc.SigIll], _pages.Used.Count()));
    }

    [Fact]
    public void In_front_of_a_handler_of_the_runtime_it_goes_again_and_again_with_one_page()
    {
        for (int round = 0; round < 5; round++)
        {
            _actions[Libc.SigBus] = Runtime;
            _guard.Verify();

            Assert.Equal(Runtime, Next(_actions[Libc.SigBus]));
        }

        Assert.Equal(4, _pages.Used.Count());
    }

    [Fact]
    public void What_it_stands_in_front_of_gets_the_same_page_again()
    {
        FakeActions actions = new() { [Libc.SigIll] = Stranger };
        (LinuxFaultGuard guard, CodeArena pages) = Install(actions);
        nint first = actions[Libc.SigIll];
        actions[Libc.SigIll] = Stranger;

        guard.Verify();

        Assert.Equal((first, 3), (actions[Libc.SigIll], pages.Used.Count()));
    }

    [Fact]
    public void After_one_race_it_stops()
    {
        const nint Other = 0x5000_0456;
        FakeActions actions = new();
        actions.BeforeReplace = signal =>
        {
            actions.BeforeReplace = null;
            actions[signal] = Other; // between the look and the leap
        };

        (_, CodeArena pages) = Install(actions);

        Assert.Equal((Other, 4), (Next(actions[Libc.SigIll]), pages.Used.Count())); // one page too many, and no more
    }

    [Fact]
    public void A_guard_of_another_runtime_that_leads_to_it_is_left_alone()
    {
        (_, CodeArena others) = Install(_actions);
        nint theirs = _actions[Libc.SigIll];

        _guard.Verify();

        Assert.True(others.Contains(theirs) && _pages.Contains(Next(theirs)));
        Assert.Equal((theirs, 3), (_actions[Libc.SigIll], _pages.Used.Count()));
    }

    [Fact]
    public void In_front_of_a_guard_that_leads_elsewhere_it_goes_itself_and_the_two_make_peace()
    {
        (LinuxFaultGuard other, CodeArena others) = Install(_actions);
        _actions[Libc.SigIll] = Runtime; // somebody took both away

        for (int round = 0; round < 5; round++)
        {
            other.Verify();
            _guard.Verify();
        }

        nint first = _actions[Libc.SigIll];
        Assert.Equal([true, false], HandlerPage.Walk(first, _pages).Take(2).Select(_pages.Contains));
        Assert.True(others.Contains(Next(first)));
        Assert.Equal((Runtime, 4, 4), (HandlerPage.Walk(first, _pages).Last(), _pages.Used.Count(), others.Used.Count()));
    }

    [Fact]
    public void A_guard_of_another_runtime_in_front_of_a_stranger_is_a_stranger()
    {
        (_, _) = Install(_actions);
        FakeActions elsewhere = new() { [Libc.SigIll] = Stranger };
        (_, _) = Install(elsewhere);
        nint theirs = elsewhere[Libc.SigIll];
        _actions[Libc.SigIll] = theirs;

        _guard.Verify();

        Assert.Equal(theirs, _actions[Libc.SigIll]);
    }

    [Fact]
    public void Another_copy_with_the_same_state_changes_nothing()
    {
        long[] state = LinuxFaultGuard.NoneYet();
        FakeActions actions = new();
        CodeArena pages = new(CodePages.Current, 8, "test handlers");
        _ = new LinuxFaultGuard(Stubs.Value, pages, actions, state);
        nint first = actions[Libc.SigIll];

        _ = new LinuxFaultGuard(Stubs.Value, pages, actions, state);

        Assert.Equal((first, 3), (actions[Libc.SigIll], pages.Used.Count()));
    }

    [Fact]
    public void A_sigaction_that_is_refused_is_a_typed_error_and_costs_one_page()
    {
        FakeActions actions = new() { Error = Errno.EPERM };
        CodeArena pages = new(CodePages.Current, 8, "test handlers");
        long[] state = LinuxFaultGuard.NoneYet();
        for (int i = 0; i < 3; i++)
        {
            PlatformNotSupportedException error = Assert.Throws<PlatformNotSupportedException>(
                () => new LinuxFaultGuard(Stubs.Value, pages, actions, state));
            Assert.StartsWith("sigaction for SIGILL is refused: Operation not permitted (EPERM).", error.Message, StringComparison.Ordinal);
        }

        Assert.InRange(pages.Used.Count(), 0, 1);
    }

    [Fact]
    public void A_sandbox_that_came_later_takes_nothing_away()
    {
        _actions.Error = Errno.EPERM;

        _guard.Verify();
    }

    [Fact]
    public void A_host_that_is_first_again_before_the_look_is_no_sigaction_that_installs_nothing()
    {
        FakeActions actions = new() { [Libc.SigBus] = Stranger };
        (LinuxFaultGuard guard, CodeArena pages) = Install(actions);
        actions[Libc.SigBus] = Stranger;
        actions.AfterReplace = signal => actions[signal] = Stranger;

        guard.Verify();

        Assert.Equal((Stranger, 3), (actions[Libc.SigBus], pages.Used.Count()));
    }

    [Fact]
    public void A_host_that_is_first_again_at_the_first_look_is_gone_in_front_of_at_the_next()
    {
        int times = 0;
        FakeActions actions = new() { [Libc.SigIll] = Stranger };
        actions.AfterReplace = signal => actions[signal] = signal == Libc.SigIll && times++ == 0 ? Stranger : actions[signal];

        (_, CodeArena pages) = Install(actions);

        Assert.True(pages.Contains(actions[Libc.SigIll]));
    }

    [Fact]
    public void A_sigaction_that_installs_nothing_is_a_typed_error_and_costs_one_page()
    {
        FakeActions actions = new() { IsDeaf = true, [Libc.SigIll] = Runtime };
        CodeArena pages = new(CodePages.Current, 8, "test handlers");
        long[] state = LinuxFaultGuard.NoneYet();
        for (int i = 0; i < 3; i++)
        {
            PlatformNotSupportedException error = Assert.Throws<PlatformNotSupportedException>(
                () => new LinuxFaultGuard(Stubs.Value, pages, actions, state));
            Assert.Contains("libcoreclr.so is still there", error.Message, StringComparison.Ordinal);
        }

        Assert.Single(pages.Used);
    }

    [Fact]
    public void When_the_pages_are_used_up_the_remedy_is_about_handlers()
    {
        CodeArena pages = CodeArena.Shared(3, $"test handlers {Guid.NewGuid()}", "Find out who.");
        LinuxFaultGuard guard = new(Stubs.Value, pages, _actions, LinuxFaultGuard.NoneYet());
        _actions[Libc.SigBus] = Runtime;

        ExecutableMemoryException error = Assert.Throws<ExecutableMemoryException>(guard.Verify);

        Assert.EndsWith("Find out who.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(0x40)]
    [InlineData(0x5000_0123)]
    [InlineData(0x7FFF_FFFF_F040)]
    [InlineData(-0xFC0)]
    public void Any_address_can_be_asked_whether_a_guard_lies_there(long address) => Assert.False(HandlerPage.TryRead((nint)address, Stubs.Value, out _));

    private static nint Next(nint handler) => HandlerPage.TryRead(handler, Stubs.Value, out HandlerPage page) ? page.Next : -1;

    private (LinuxFaultGuard Guard, CodeArena Pages) Install(FakeActions? actions = null)
    {
        CodeArena pages = new(CodePages.Current, 16, "test handlers");
        return (new LinuxFaultGuard(Stubs.Value, pages, actions ?? _actions, LinuxFaultGuard.NoneYet()), pages);
    }

    /// <summary>Actions that nobody but the test sees.</summary>
    private sealed class FakeActions : SignalActions
    {
        private readonly Libc.SignalActionRecord[] _actions = new Libc.SignalActionRecord[65];

        public int Error { get; set; }

        public bool IsDeaf { get; init; }

        public Action<int>? BeforeReplace { get; set; }

        public Action<int>? AfterReplace { get; set; }

        public nint this[int signal]
        {
            get => _actions[signal].Handler;
            set => _actions[signal].Handler = value;
        }

        public override int Read(int signal, out Libc.SignalActionRecord action)
        {
            action = _actions[signal];
            return Error;
        }

        public override int Replace(int signal, Libc.SignalActionRecord action, out Libc.SignalActionRecord replaced)
        {
            BeforeReplace?.Invoke(signal);
            replaced = _actions[signal];
            if (Error == 0 && !IsDeaf)
            {
                _actions[signal] = action;
                AfterReplace?.Invoke(signal);
            }

            return Error;
        }
    }
}
