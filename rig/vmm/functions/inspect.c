// What a test asks the VMM about itself, and about the guest's page tables.
#include "../call.h"
#include "../cpu.h"
#include "../exits.h"
#include "../layout.h"
#include "../memory.h"
#include "../walk.h"

void walk_function(struct call *call)
{
    const struct walk walk = walk_tables(call->vcpu, caller_address(call, call->rbx));
    const bool is_there = walk.fault == WALK_DONE;
    call->rax = is_there;
    call->rbx = is_there ? walk.gpa : 0;
    call->rcx =
        is_there ? PF_PRESENT | (walk.is_writable ? 2 : 0) | (walk.is_user ? 4 : 0) | (walk.is_no_execute ? 1ull << 63 : 0) : 0;
    call->rdx = walk.page_size;
    call->rsi = !is_there ? PF_USER : walk.is_user ? 0 : PF_USER | PF_PRESENT;
}

void vmm_memory(struct call *call)
{
    call->rax = 0;
    call->rbx = VMM_BASE;
    call->rcx = VMM_SIZE;
}

void rom_policy_function(struct call *call)
{
    const u64 wanted = call->rbx;
    call->rax = MINUS_ONE;
    if (wanted > 2)
        return;
    call->rax = rom_policy;
    call->rcx = rom_refused_writes;
    if (wanted != 2)
        rom_set_policy((enum rom_policy)wanted);
}

void exits(struct call *call)
{
    call->rax = call->rbx < COUNTERS ? exit_counts[call->rbx] : MINUS_ONE;
}
