#include "../log.h"

#include "../call.h"

#define LONGEST_TEXT 256

// Neither ever writes RAX, done or refused.
void log_set_buf(struct call *call)
{
    if (call->vcpu->cpl == 0)
        log_set_buf_user(call);
}

void log_set_buf_user(struct call *call)
{
    log_set_ring(call->rbx, call->rcx);
}

void log_write(struct call *call)
{
    char text[LONGEST_TEXT];
    call->rax = MINUS_ONE;
    if (call->rcx > sizeof text)
        return;
    call->rax = read_virtual(call, call->rbx, text, call->rcx);
    if (call->rax)
        log_guest(text, call->rax);
}
