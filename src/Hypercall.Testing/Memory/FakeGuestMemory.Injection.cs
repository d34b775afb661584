namespace Hypercall.Testing;

public sealed partial class FakeGuestMemory
{
    internal bool BringIn(GuestVirtualAddress address)
    {
        if (_space.Find(address.Value >> GuestPage.Shift) is not { } mapping)
        {
            return false;
        }

        Touch(mapping, (int)((address.Value >> GuestPage.Shift) - mapping.FirstPage), 1);
        return true;
    }
}
