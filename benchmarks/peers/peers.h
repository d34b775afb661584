// What a C program would do instead of Hypercall. Each peer loops in C, so that no P/Invoke is in its time.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Laid out as Hypercall.HypercallRegisters.
struct registers {
    uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

// Loads the 15 registers, executes a nop, stores the 15 registers.
void exchange(struct registers *frame);
