using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Tests.BitVisor;

public class AddBitVisorTests
{
    [Fact]
    public void It_gives_one_client_and_what_stands_on_it()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeMachine(fake => fake.On("foo", call => call.Rax = 10)).AddBitVisor().AddBitVisor())
            .BuildServiceProvider();
        Assert.Equal(10ul, services.GetRequiredService<BitVisorClient>().GetFunction("foo").Call().Rax);
        Assert.NotNull(services.GetRequiredService<VmmStatusClient>());
        Assert.NotNull(services.GetRequiredService<VmmShell>());
        _ = Assert.Single(services.GetServices<BitVisorClient>());
    }
}
