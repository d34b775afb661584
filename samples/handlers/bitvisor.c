// BitVisor since it has core/x86 (about 2022): put this file and transfer.h into core/x86/, and bitvisor.o into its Makefile's
// objects. The guest finds the functions by name: VMCALL on Intel, VMMCALL on AMD.
#include <arch/gmm.h>
#include <arch/vmmcall.h>
#include <core/initfunc.h>
#include <core/mm.h>
#include <core/spinlock.h>
#include <core/types.h>
#include "../vmmcall.h"
#include "constants.h"
#include "cpu_mmu.h"
#include "current.h"
#include "transfer.h"

static spinlock_t hc_spinlock;

// MAPMEM_CANFAIL: without it, a write mapping of the VMM's own memory is a panic, and the machine is down. A page above what the
// CPU can address would be a reserved bit in the VMM's own page table.
static void *hc_map(u64 gpa, u32 length, bool write)
{
    if (gpa & ~(current->pte_addr_mask | (HC_PAGE - 1)))
        return NULL;
    return mapmem_as(gmm_arch_current_as(), gpa, length, (write ? MAPMEM_WRITE : 0) | MAPMEM_CANFAIL);
}

static void hc_unmap(void *bytes, u32 length)
{
    unmapmem(bytes, length);
}

// read_linearaddr_b and write_linearaddr_b do not look at the user bit, and the latter panics on the VMM's own memory.
static bool hc_walk(u64 gva, bool write, u64 *gpa)
{
    ulong cr0, cr3, cr4;
    u64 efer, entries[5];
    int levels;

    if ((u64)((long long)(gva << 16) >> 16) != gva) // not canonical
        return false;
    current->vmctl.read_control_reg(CONTROL_REG_CR0, &cr0);
    current->vmctl.read_control_reg(CONTROL_REG_CR3, &cr3);
    current->vmctl.read_control_reg(CONTROL_REG_CR4, &cr4);
    current->vmctl.read_msr(MSR_IA32_EFER, &efer);
    if (cpu_mmu_get_pte(gva, cr0, cr3, cr4, efer, write, vmmcall_arch_caller_user(), false, entries, &levels) != VMMERR_SUCCESS)
        return false;
    *gpa = (entries[0] & current->pte_addr_mask) | gva % HC_PAGE;
    return true;
}

static void hc_lock(void)
{
    spinlock_lock(&hc_spinlock);
}

static void hc_unlock(void)
{
    spinlock_unlock(&hc_spinlock);
}

#define HC_ENTRY(function) \
    static void function##_entry(void) \
    { \
        ulong rbx, rcx; \
        vmmcall_arch_read_arg(1, &rbx); \
        vmmcall_arch_read_arg(2, &rcx); \
        const ulong done = function(rbx, rcx); \
        vmmcall_arch_write_arg(1, ~done); \
        vmmcall_arch_write_ret(done); \
    }
HC_FUNCTIONS(HC_ENTRY)

#define HC_REGISTER(function) vmmcall_register(#function, function##_entry);
static void hc_init(void)
{
    spinlock_init(&hc_spinlock);
    HC_FUNCTIONS(HC_REGISTER)
}

INITFUNC("vmmcal0", hc_init);
