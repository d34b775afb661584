#include "peers.h"

// exchange() with the hypercall instruction where the nop is. Nothing guards it: a host must be known to answer before it is called.
#define EXCHANGE(name, instruction) \
    static __attribute__((noinline)) void name(struct registers *frame) \
    { \
        __asm__ volatile(EXCHANGE_IN instruction EXCHANGE_OUT : "+D"(frame) : : EXCHANGE_TAKES); \
    }
EXCHANGE(intel, "vmcall\n\t")
EXCHANGE(amd, "vmmcall\n\t")

// A direct call: after a VM exit an indirect one is dear, and a C program has none. gcc itself uses no upper half without -mavx.
#define EXITS(name) \
    for (long i = 0; i < count; i++) { \
        if (is_dirty) { \
            __asm__ volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0" : : : "xmm0"); \
        } \
        frame->rax = 0; \
        name(frame); \
    }

void peer_vm_exits(struct registers *frame, long count, long is_amd, long is_dirty)
{
    int has_avx = __builtin_cpu_supports("avx");
    if (has_avx) {
        __asm__ volatile("vzeroupper"); // whatever the caller left in use
    }
    if (is_amd) {
        EXITS(amd)
    } else {
        EXITS(intel)
    }
    if (has_avx) {
        __asm__ volatile("vzeroupper");
    }
}
