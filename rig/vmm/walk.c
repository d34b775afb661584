// Long mode's tables, SDM vol. 3, 4.5: four levels, or five with CR4.LA57. A 32-bit program under a 64-bit kernel has the same
// ones. A guest without long mode's paging gets a page fault for every address. Not looked at: protection keys, SMAP, reserved
// bits.
//
//   GVA  63..48 sign | 47..39 | 38..30 | 29..21 | 20..12 | 11..0
//                      PML4     PDPT     PD       PT       byte
//                               1 GiB    2 MiB    4 KiB          page, where the entry's bit 7 says so
#include "walk.h"

#include "cpu.h"
#include "memory.h"

#define PRESENT (1ull << 0)
#define WRITABLE (1ull << 1)
#define USER (1ull << 2)
#define ACCESSED (1ull << 5)
#define DIRTY (1ull << 6)
#define LARGE (1ull << 7)
#define NO_EXECUTE (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull // bits 51-12

static bool is_canonical(u64 gva, unsigned levels)
{
    const unsigned unused = 64 - (12 + 9 * levels);
    return (u64)((s64)(gva << unused) >> unused) == gva;
}

struct walk walk_tables(const struct vcpu *vcpu, u64 gva)
{
    struct walk walk = {.fault = WALK_PAGE_FAULT, .is_writable = true, .is_user = true};
    const bool is_long = vcpu->cr0 & CR0_PG && vcpu->efer & EFER_LMA;
    const unsigned levels = vcpu->cr4 & CR4_LA57 ? 5 : 4;
    if (!is_long)
        return walk;
    if (!is_canonical(gva, levels)) {
        walk.fault = WALK_NOT_CANONICAL;
        return walk;
    }

    u64 table = vcpu->cr3 & ADDRESS;
    for (unsigned level = levels; level >= 1; level--) {
        const unsigned shift = 12 + 9 * (level - 1);
        const u64 *entry = (const u64 *)memory_to_read(table + (gva >> shift & 511) * 8);
        if (!entry || !(*entry & PRESENT))
            return walk;

        const u64 value = *entry;
        walk.entries[walk.depth++] = (volatile u64 *)entry;
        walk.is_writable = walk.is_writable && value & WRITABLE;
        walk.is_user = walk.is_user && value & USER;
        walk.is_no_execute = walk.is_no_execute || value & NO_EXECUTE;
        if (level == 1 || (level <= 3 && value & LARGE)) {
            walk.page_size = 1ull << shift;
            walk.gpa = (value & ADDRESS & ~(walk.page_size - 1)) | (gva & (walk.page_size - 1));
            walk.fault = WALK_DONE;
            return walk;
        }
        table = value & ADDRESS;
    }
    return walk;
}

struct walk walk_probe(const struct vcpu *vcpu, u64 gva, bool write)
{
    struct walk walk = walk_tables(vcpu, gva);
    const bool is_user = vcpu->cpl == 3;
    walk.error = (write ? PF_WRITE : 0) | (is_user ? PF_USER : 0);
    if (walk.fault != WALK_DONE)
        return walk;

    walk.error |= PF_PRESENT;
    const bool must_be_writable = write && (is_user || vcpu->cr0 & CR0_WP);
    if ((is_user && !walk.is_user) || (must_be_writable && !walk.is_writable))
        walk.fault = WALK_PAGE_FAULT;
    return walk;
}

struct walk walk_access(const struct vcpu *vcpu, u64 gva, bool write)
{
    struct walk walk = walk_probe(vcpu, gva, write);
    if (walk.fault != WALK_DONE)
        return walk;

    for (unsigned i = 0; i < walk.depth; i++) {
        const u64 bits = ACCESSED | (write && i + 1 == walk.depth ? DIRTY : 0);
        if ((*walk.entries[i] & bits) != bits)
            __atomic_fetch_or(walk.entries[i], bits, __ATOMIC_SEQ_CST); // the guest's other CPUs may change the entry too
    }
    return walk;
}
