#include "../call.h"
#include "../exits.h"
#include "../layout.h"
#include "../log.h"
#include "../memory.h"

enum mode {
    ENABLED,
    DISABLED,
    GROWING,
};
#define MOST_GROWTH 3

static enum mode mode;
static u64 growth;

// Numbers that change have a fixed width: the text is as long at the next call.
size_t status_text(char *buffer, size_t size)
{
    return format(buffer, size,
        "vmm: hypercall rig\n"
        "back end: %s\n"
        "instruction: %s\n"
        "exits: %U\n"
        "exits, hypercall: %U\n"
        "exits, CPUID: %U\n"
        "exits, nested page fault: %U\n"
        "exits, other: %U\n"
        "memory: 0x%x, 0x%x bytes\n"
        "ROM policy: %s\n"
        "refused writes to ROM: %U\n"
        "grown: %u\n",
        back_end->name, back_end->instruction, exit_counts[COUNT_ALL], exit_counts[COUNT_HYPERCALLS], exit_counts[COUNT_CPUID],
        exit_counts[COUNT_NESTED_FAULTS], exit_counts[COUNT_OTHERS], (u64)VMM_BASE, (u64)VMM_SIZE,
        rom_policy == ROM_PANIC ? "panic" : "log and go on", rom_refused_writes, growth);
}

void get_status(struct call *call)
{
    if (mode == DISABLED)
        return;
    if (mode == GROWING && growth < MOST_GROWTH)
        growth++;

    char text[1024];
    u64 length = status_text(text, sizeof text - MOST_GROWTH);
    memset(text + length, '\n', growth); // a byte more each time
    length += growth;
    call->rax = length <= call->rcx && write_virtual(call, call->rbx, text, length) == length ? 0 : 1;
    call->rcx = length;
}

void status_mode(struct call *call)
{
    const u64 wanted = call->rbx;
    call->rax = MINUS_ONE;
    if (wanted > GROWING)
        return;
    call->rax = mode;
    mode = (enum mode)wanted;
    growth = 0;
}
