// What vmm.c asks of your VMM, and what it gives. Put your own names in.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

// The guest's CPU that made the exit.
struct vcpu {
    u64 rax, rbx, rcx;
    u64 cr0, cr3, cr4, efer;
    unsigned cpl;        // 0 to 3: DPL of SS
    bool is_64_bit_code; // EFER.LMA and CS.L
};

// ---- Your VMM has:

struct vcpu *this_vcpu(void);

// The guest's page at a physical address that is a multiple of 4096; null where it has no RAM: a device, a hole, your own memory.
void *guest_page(u64 gpa);

void lock_calls(void);
void unlock_calls(void);

// ---- vmm.c gives, for the handlers of VM exits. True: it was a call and it is answered; move RIP behind the instruction.

// VMX exit reason 18 (VMCALL): Intel SDM vol. 3D, appendix C. SVM exit code 0x81 (VMMCALL): AMD APM vol. 2, appendix C. Three
// bytes.
bool call_by_instruction(void);

// VMX exit reason 10, SVM 0x72; two bytes. False: not our leaf, do what you did.
bool call_by_cpuid(void);

// VMX exit reason 30, SVM 0x7b. Size in bytes: 1, 2 or 4. False: not our port, or not four bytes in EAX.
bool call_by_port(u16 port, unsigned size, bool is_string);
