// The virtual CPU as the shared code sees it, and what a back end must do.
#pragma once
#include "types.h"

enum exit_kind {
    EXIT_HYPERCALL,
    EXIT_CPUID,
    EXIT_PORT,           // exit.port: IN or OUT
    EXIT_NESTED_FAULT,   // exit.gpa, exit.is_write: the nested tables refused
    EXIT_STEPPED,        // after step(): the one instruction is done
    EXIT_XSETBV,         // ECX; EDX:EAX
    EXIT_UNDEFINED,      // an instruction that this machine is not to have: #UD
    EXIT_REFUSED,        // an MSR or a value that it is not to have: #GP(0)
    EXIT_SKIPPED,        // the back end did all that was to do
    EXIT_SHUTDOWN,       // triple fault
    EXIT_OTHER,          // nobody asked for it
};

// By which instruction the guest calls: rig/ABI.md, "Ways".
enum way {
    WAY_INSTRUCTION, // VMCALL, VMMCALL
    WAY_CPUID,
    WAY_PORT,
};

struct port_access {
    u16 number;
    u8 size; // in bytes: 1, 2, 4
    bool is_in, is_string;
};

struct exit {
    enum exit_kind kind;
    enum way way; // of EXIT_HYPERCALL
    u64 reason; // the CPU's own number
    u64 length; // of the instruction
    u64 gpa;
    bool is_write;
    struct port_access port;
};

struct vcpu {
    // In this order in enter.S. RSP is the back end's.
    u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;

    // Read after each exit, for looking at only.
    u64 rip, rflags, cr0, cr3, cr4, efer;
    unsigned cpl;
    bool is_64_bit_code; // EFER.LMA and CS.L

    struct exit exit;
};

struct back_end {
    const char *name;        // "SVM", "VMX"
    const char *instruction; // "VMMCALL", "VMCALL"

    // Switches virtualization on and prepares the guest at entry: 64-bit, paging as linux.c left it.
    void (*start)(u64 entry, u64 page_map);

    // Runs the guest until something has to be done: vcpu->exit.
    void (*run)(struct vcpu *vcpu);

    // The guest goes on behind the instruction that made it exit.
    void (*skip)(struct vcpu *vcpu);

    // The guest takes an exception at the instruction that made it exit.
    void (*inject)(struct vcpu *vcpu, u8 vector, bool has_error, u32 error);
    void (*set_cr2)(u64 address);

    // The guest executes one instruction and comes back with EXIT_STEPPED.
    void (*step)(struct vcpu *vcpu);

    // The nested tables changed.
    void (*flush)(void);
};

extern const struct back_end svm, vmx;
extern const struct back_end *back_end;

// enter.S. Loads the guest's registers, enters it, stores them at the exit. The VMX one returns whether entry failed.
void svm_enter(struct vcpu *vcpu, u64 vmcb);
bool vmx_enter(struct vcpu *vcpu, bool is_launched);
