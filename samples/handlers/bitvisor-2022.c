// BitVisor before it had core/x86 (to about 2022): put this file and transfer.h into core/, and bitvisor-2022.o into its
// Makefile's objects. The guest finds the functions by name: VMCALL on Intel, VMMCALL on AMD.
#include "constants.h"
#include "cpu_mmu.h"
#include "current.h"
#include "initfunc.h"
#include "mm.h"
#include "spinlock.h"
#include "types.h"
#include "vmmcall.h"
#include "transfer.h"

#ifndef MAPMEM_CANFAIL
#define MAPMEM_CANFAIL 0 // the oldest ones return null as they are
#endif

static spinlock_t hc_spinlock;

static void *hc_map(u64 gpa, u32 length, bool write)
{
    if (gpa & ~(current->pte_addr_mask | (HC_PAGE - 1)))
        return NULL;
    return mapmem_gphys(gpa, length, (write ? MAPMEM_WRITE : 0) | MAPMEM_CANFAIL);
}

static void hc_unmap(void *bytes, u32 length)
{
    unmapmem(bytes, length);
}

static bool hc_walk(u64 gva, bool write, u64 *gpa)
{
    ulong cr0, cr3, cr4;
    u64 efer, entries[5];
    u16 cs;
    int levels;

    if ((u64)((long long)(gva << 16) >> 16) != gva) // not canonical
        return false;
    current->vmctl.read_control_reg(CONTROL_REG_CR0, &cr0);
    current->vmctl.read_control_reg(CONTROL_REG_CR3, &cr3);
    current->vmctl.read_control_reg(CONTROL_REG_CR4, &cr4);
    current->vmctl.read_msr(MSR_IA32_EFER, &efer);
    current->vmctl.read_sreg_sel(SREG_CS, &cs);
    if (cpu_mmu_get_pte(gva, cr0, cr3, cr4, efer, write, (cs & 3) == 3, false, entries, &levels) != VMMERR_SUCCESS)
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
        current->vmctl.read_general_reg(GENERAL_REG_RBX, &rbx); \
        current->vmctl.read_general_reg(GENERAL_REG_RCX, &rcx); \
        const ulong done = function(rbx, rcx); \
        current->vmctl.write_general_reg(GENERAL_REG_RBX, ~done); \
        current->vmctl.write_general_reg(GENERAL_REG_RAX, done); \
    }
HC_FUNCTIONS(HC_ENTRY)

#define HC_REGISTER(function) vmmcall_register(#function, function##_entry);
static void hc_init(void)
{
    spinlock_init(&hc_spinlock);
    HC_FUNCTIONS(HC_REGISTER)
}

INITFUNC("vmmcal0", hc_init);
