#include "peers.h"

__attribute__((noinline)) void exchange(struct registers *frame)
{
    __asm__ volatile(EXCHANGE_IN "nop\n\t" EXCHANGE_OUT : "+D"(frame) : : EXCHANGE_TAKES);
}

void peer_exchange(struct registers *frame, long count)
{
    for (long i = 0; i < count; i++) {
        exchange(frame);
    }
}

void peer_exchange_many(struct registers *frames, long count)
{
    for (long i = 0; i < count; i++) {
        exchange(frames + i);
    }
}
