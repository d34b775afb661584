// What the VMM does at each exit.
#pragma once
#include "vcpu.h"

// Counted since the start, by what `exits` tells.
enum exit_counter {
    COUNT_ALL,
    COUNT_HYPERCALLS,
    COUNT_CPUID,
    COUNT_NESTED_FAULTS,
    COUNT_OTHERS,
    COUNTERS,
};
extern u64 exit_counts[COUNTERS];

_Noreturn void handle_exits(struct vcpu *vcpu);
