// A VMM that keeps an address between calls: what makes pinning necessary.
#include "../call.h"
#include "../memory.h"
#include "stream.h"

#define SLOTS 256

static struct {
    u64 gpa, length;
} held[SLOTS];

void hold(struct call *call)
{
    const bool is_sound = call->rdx < SLOTS && call->rcx <= LONGEST_TRANSFER;
    call->rax = is_sound ? 0 : MINUS_ONE;
    if (is_sound) {
        held[call->rdx].gpa = call->rbx;
        held[call->rdx].length = call->rcx;
    }
}

void held_write(struct call *call)
{
    const u64 slot = call->rdx;
    call->rax = MINUS_ONE;
    if (slot >= SLOTS)
        return;

    u64 done = 0;
    while (done < held[slot].length) {
        const u64 gpa = held[slot].gpa + done;
        const u64 n = up_to_page_end(gpa, held[slot].length - done);
        u8 *bytes;
        const enum write_answer answer = memory_to_write(gpa, call->name, &bytes);
        if (answer == WRITE_HOLE)
            break;
        for (u64 i = 0; answer == WRITE_ALLOWED && i < n; i++)
            bytes[i] = pattern((u8)call->rsi, done + i);
        done += n;
    }
    call->rax = done;
}

void held_read(struct call *call)
{
    const u64 slot = call->rdx;
    call->rax = MINUS_ONE;
    if (slot >= SLOTS)
        return;

    u64 hash = FNV_START, done = 0;
    while (done < held[slot].length) {
        const u64 gpa = held[slot].gpa + done;
        const u64 n = up_to_page_end(gpa, held[slot].length - done);
        const u8 *bytes = memory_to_read(gpa);
        if (!bytes)
            break;
        for (u64 i = 0; i < n; i++)
            hash = fnv(hash, bytes[i]);
        done += n;
    }
    call->rax = hash;
    call->rcx = done;
}
