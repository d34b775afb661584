using Hypercall;
using Hypercall.Testing;

namespace VmmWatch;

/// <summary>
/// A fake VMM on which something happens now and then, so that there is something to see: of 20 calls one is refused, and three
/// in a row fault.
/// <code>
///   call     0 ........ 9   10   11 .. 14   15  16  17   18  19   and so on
///            the number     -    it goes     #PF each    it goes
///            of VM exits         on                      on
/// </code>
/// </summary>
public sealed class RestlessVmm
{
    private const int Cycle = 20;
    private const ulong ExitsBetweenCalls = 1_250;

    private int _calls = -1;

    /// <summary>Registers the function.</summary>
    /// <param name="fake">The VMM.</param>
    /// <param name="function">The function's name.</param>
    public void AddTo(FakeMachine fake, string function)
    {
        ArgumentNullException.ThrowIfNull(fake);
        _ = fake.On(function, Answer);
    }

    private void Answer(FakeCall call)
    {
        int number = Interlocked.Increment(ref _calls);
        switch (number % Cycle)
        {
            case 10:
                break; // a refusal is a call that changes nothing
            case 15 or 16 or 17:
                call.InjectPageFault(new GuestVirtualAddress(0), isWrite: false); // nobody has a page there
                break;
            default:
                call.Rax = ExitsBetweenCalls * (ulong)(number + 1);
                break;
        }
    }
}
