// What bitvisor.c and bitvisor-2022.c call of BitVisor, on the test's machine. Written from the calls alone.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned int uint;
typedef unsigned long ulong;

enum general_reg { GENERAL_REG_RAX, GENERAL_REG_RCX, GENERAL_REG_RDX, GENERAL_REG_RBX };
enum control_reg { CONTROL_REG_CR0, CONTROL_REG_CR2, CONTROL_REG_CR3, CONTROL_REG_CR4 };
enum sreg { SREG_ES, SREG_CS };
enum vmmerr { VMMERR_SUCCESS, VMMERR_PAGE_NOT_PRESENT };
#define MSR_IA32_EFER 0xC0000080
#define MAPMEM_WRITE 0x4
#define MAPMEM_CANFAIL 0x100

struct vcpu {
    struct {
        void (*read_general_reg)(enum general_reg reg, ulong *value);
        void (*write_general_reg)(enum general_reg reg, ulong value);
        void (*read_control_reg)(enum control_reg reg, ulong *value);
        void (*read_sreg_sel)(enum sreg sreg, u16 *value);
        bool (*read_msr)(u32 index, u64 *value);
    } vmctl;
    u64 pte_addr_mask;
};
extern struct vcpu *current;

typedef struct {
    bool is_held;
} spinlock_t;
void spinlock_init(spinlock_t *lock);
void spinlock_lock(spinlock_t *lock);
void spinlock_unlock(spinlock_t *lock);

struct mm_as;
const struct mm_as *gmm_arch_current_as(void);
void *mapmem_as(const struct mm_as *as, u64 address, uint length, int flags);
void *mapmem_gphys(u64 address, uint length, int flags);
void unmapmem(void *bytes, uint length);
enum vmmerr cpu_mmu_get_pte(ulong virt, ulong cr0, ulong cr3, ulong cr4, u64 efer, bool write, bool user, bool exec,
    u64 entries[5], int *levels);

void vmmcall_arch_read_arg(uint order, ulong *value);
void vmmcall_arch_write_arg(uint order, ulong value);
void vmmcall_arch_write_ret(ulong value);
bool vmmcall_arch_caller_user(void);
void vmmcall_register(char *name, void (*function)(void));

#define INITFUNC(when, function) void (*const init_function)(void) = function
