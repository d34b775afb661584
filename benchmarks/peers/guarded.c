#include "peers.h"
#include <setjmp.h>
#include <signal.h>

static sigjmp_buf fault;

static void on_fault(int number)
{
    siglongjmp(fault, number);
}

// The C way of surviving the instruction's fault: catch the two signals and set a jump, around each call.
static __attribute__((noinline)) void guarded_exchange(struct registers *frame)
{
    void (*old_ill)(int) = signal(SIGILL, on_fault);
    void (*old_segv)(int) = signal(SIGSEGV, on_fault);
    if (sigsetjmp(fault, 1) == 0) {
        exchange(frame);
    }
    signal(SIGSEGV, old_segv);
    signal(SIGILL, old_ill);
}

// signal() forgets SA_SIGINFO, SA_ONSTACK and the mask of the handlers that it replaces, here a .NET runtime's: they are saved
// around the loop, and nothing managed may fault meanwhile.
void peer_guarded_exchange(struct registers *frame, long count)
{
    struct sigaction ill, segv;
    sigaction(SIGILL, NULL, &ill);
    sigaction(SIGSEGV, NULL, &segv);
    for (long i = 0; i < count; i++) {
        guarded_exchange(frame);
    }
    sigaction(SIGILL, &ill, NULL);
    sigaction(SIGSEGV, &segv, NULL);
}
