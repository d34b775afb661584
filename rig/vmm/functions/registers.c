// Functions that only registers see.
#include "../call.h"

void add(struct call *call)
{
    call->rax = call->rbx + call->rcx + call->rdx + call->rsi + call->rdi;
}

// Each register out depends on another one in, so that a swapped, dropped or truncated one shows.
void mix(struct call *call)
{
    const struct call in = *call;
    call->rbx = ~in.rbx;
    call->rcx = in.rcx << 13 | in.rcx >> (64 - 13);
    call->rdx = in.rdx ^ in.rsi;
    call->rsi = in.rdi;
    call->rdi = in.number;
    call->rax = 0;
}

void minus_one(struct call *call)
{
    call->rax = MINUS_ONE;
}

void clobber(struct call *call)
{
    const u64 value = 0xc10b000000000000ull;
    call->rbx = value + 1;
    call->rcx = value + 2;
    call->rdx = value + 3;
    call->rsi = value + 4;
    call->rdi = value + 5;
    call->rax = 0;
}
