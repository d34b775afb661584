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

// Its three parts, around any instruction. The first push keeps the frame's address: every register is about to be taken. Needs a function
// without a red zone and without a frame pointer: the assembly pushes, and takes RBP.
#define EXCHANGE_IN \
    "push %%rdi\n\t" \
    "mov 0x00(%%rdi), %%rax\n\t" \
    "mov 0x08(%%rdi), %%rcx\n\t" \
    "mov 0x10(%%rdi), %%rdx\n\t" \
    "mov 0x18(%%rdi), %%rbx\n\t" \
    "mov 0x20(%%rdi), %%rbp\n\t" \
    "mov 0x28(%%rdi), %%rsi\n\t" \
    "mov 0x38(%%rdi), %%r8\n\t" \
    "mov 0x40(%%rdi), %%r9\n\t" \
    "mov 0x48(%%rdi), %%r10\n\t" \
    "mov 0x50(%%rdi), %%r11\n\t" \
    "mov 0x58(%%rdi), %%r12\n\t" \
    "mov 0x60(%%rdi), %%r13\n\t" \
    "mov 0x68(%%rdi), %%r14\n\t" \
    "mov 0x70(%%rdi), %%r15\n\t" \
    "mov 0x30(%%rdi), %%rdi\n\t"
#define EXCHANGE_OUT \
    "push %%rdi\n\t" \
    "mov 8(%%rsp), %%rdi\n\t" \
    "mov %%rax, 0x00(%%rdi)\n\t" \
    "mov %%rcx, 0x08(%%rdi)\n\t" \
    "mov %%rdx, 0x10(%%rdi)\n\t" \
    "mov %%rbx, 0x18(%%rdi)\n\t" \
    "mov %%rbp, 0x20(%%rdi)\n\t" \
    "mov %%rsi, 0x28(%%rdi)\n\t" \
    "popq 0x30(%%rdi)\n\t" \
    "mov %%r8, 0x38(%%rdi)\n\t" \
    "mov %%r9, 0x40(%%rdi)\n\t" \
    "mov %%r10, 0x48(%%rdi)\n\t" \
    "mov %%r11, 0x50(%%rdi)\n\t" \
    "mov %%r12, 0x58(%%rdi)\n\t" \
    "mov %%r13, 0x60(%%rdi)\n\t" \
    "mov %%r14, 0x68(%%rdi)\n\t" \
    "mov %%r15, 0x70(%%rdi)\n\t" \
    "pop %%rdi\n\t"
#define EXCHANGE_TAKES \
    "rax", "rcx", "rdx", "rbx", "rbp", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory"
