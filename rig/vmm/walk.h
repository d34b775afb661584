// The guest's own page tables, walked as its CPU would.
#pragma once
#include "vcpu.h"

enum walk_fault {
    WALK_DONE,
    WALK_PAGE_FAULT,    // #PF with `error` and CR2 = the address
    WALK_NOT_CANONICAL, // #GP(0)
};

struct walk {
    enum walk_fault fault;
    u32 error;
    u64 gpa;
    u64 page_size;
    bool is_writable, is_user, is_no_execute; // over all levels
    unsigned depth;
    volatile u64 *entries[5]; // from the root down, depth of them
};

// Follows the tables to the leaf, whatever it permits, and changes nothing. fault and error say what a read by anyone would meet.
struct walk walk_tables(const struct vcpu *vcpu, u64 gva);

// May the calling code touch this address so? Changes nothing.
struct walk walk_probe(const struct vcpu *vcpu, u64 gva, bool write);

// The same, and sets the accessed and dirty bits as the CPU's own access would (SDM vol. 3, 4.8): the guest decides by the dirty
// bit whether a page must be written to its swap.
struct walk walk_access(const struct vcpu *vcpu, u64 gva, bool write);
