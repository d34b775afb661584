#include "stream.h"

#include "../call.h"

struct stream streams[STREAMS] = {[0 ... STREAMS - 1] = {FNV_START, 0, 0}};

void stream_reset(struct call *call)
{
    call->rax = MINUS_ONE;
    if (call->rbx >= STREAMS)
        return;
    streams[call->rbx] = (struct stream){FNV_START, 0, 0};
    call->rax = 0;
}

void stream_read(struct call *call)
{
    call->rax = MINUS_ONE;
    if (call->rbx >= STREAMS)
        return;
    const struct stream *stream = &streams[call->rbx];
    call->rax = stream->hash;
    call->rbx = stream->position;
    call->rcx = stream->sum;
}
