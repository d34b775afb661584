// A hypercall: registers in, registers out, and the functions by name.
#pragma once
#include "vcpu.h"

struct call {
    const char *name;         // of the function that runs
    struct vcpu *vcpu;        // for page walks; functions leave its registers alone
    u64 number;               // of the function
    u64 rax, rbx, rcx, rdx, rsi, rdi; // in and out; of 32-bit code the low halves
    bool runs_again;          // a fault was injected: no register changes, and the instruction runs again
};

struct function {
    const char *name;
    void (*run)(struct call *call);
};

extern const struct function functions[];
extern const unsigned function_count;

// rig/ABI.md, "Ways"
#define CALL_LEAF 0x4711u // CPUID: RAX bits 0-15, and the number in bits 16-31
#define CALL_PORT 0x4711  // IN EAX, DX and OUT DX, EAX

#define MINUS_ONE (~0ull)
#define LONGEST_TRANSFER (1ull << 30)

void answer_call(struct vcpu *vcpu);

// Copies between the VMM and the caller's memory, page by page; stops at the first page that the caller could not touch itself,
// and returns the bytes done. A write to ROM that the policy lets pass counts as done.
u64 read_virtual(struct call *call, u64 gva, void *to, u64 length);
u64 write_virtual(struct call *call, u64 gva, const void *from, u64 length);

static inline u64 up_to_page_end(u64 address, u64 length)
{
    const u64 room = PAGE_SIZE - (address & PAGE_MASK);
    return length < room ? length : room;
}

// The caller's address wraps as its CPU's addresses do.
static inline u64 caller_address(const struct call *call, u64 gva)
{
    return call->vcpu->is_64_bit_code ? gva : (u32)gva;
}

// functions/, a file a concept
void get_vmmcall_number(struct call *call);
void do_nothing(struct call *call); // boot, loadcfg, loadcfg64, same

void add(struct call *call); // registers.c
void mix(struct call *call);
void minus_one(struct call *call);
void clobber(struct call *call);

void xfer_gpa(struct call *call); // transfer.c
void xfer_list(struct call *call);
void xfer_gva(struct call *call);
void xfer_gva_b(struct call *call);
void stream_reset(struct call *call); // stream.c
void stream_read(struct call *call);

void hold(struct call *call); // hold.c
void held_write(struct call *call);
void held_read(struct call *call);

void walk_function(struct call *call); // inspect.c
void vmm_memory(struct call *call);
void rom_policy_function(struct call *call);
void exits(struct call *call);

void get_status(struct call *call); // status.c
void status_mode(struct call *call);
size_t status_text(char *buffer, size_t size);

void dbgsh(struct call *call); // shell.c
void shell_mode(struct call *call);

void log_set_buf(struct call *call); // log.c
void log_set_buf_user(struct call *call);
void log_write(struct call *call);
