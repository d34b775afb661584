// The rig's page walker as a library for one test: the same source as the VMM is built from, over tables that the test lends it.
#include "walk.h"

#include "cpu.h"
#include "memory.h"

static struct {
    u64 frame;
    const u8 *bytes;
} tables[64];
static unsigned table_count;

const u8 *memory_to_read(u64 gpa)
{
    for (unsigned i = 0; i < table_count; i++)
        if (tables[i].frame == gpa >> 12)
            return tables[i].bytes + (gpa & PAGE_MASK);
    return NULL;
}

void tables_clear(void)
{
    table_count = 0;
}

bool tables_lend(u64 frame, const u8 *bytes)
{
    if (table_count == array_length(tables))
        return false;
    tables[table_count].frame = frame;
    tables[table_count++].bytes = bytes;
    return true;
}

// fault, error, gpa, page_size, rights: the fields of struct walk, one after the other.
void walk_for_test(u64 cr3, bool five_levels, bool write_protect, unsigned cpl, u64 gva, bool write, bool mark, u64 result[5])
{
    const struct vcpu vcpu = {
        .cr0 = CR0_PG | (write_protect ? CR0_WP : 0),
        .cr3 = cr3,
        .cr4 = five_levels ? CR4_LA57 : 0,
        .efer = EFER_LMA,
        .cpl = cpl,
    };
    const struct walk walk = mark ? walk_access(&vcpu, gva, write) : walk_probe(&vcpu, gva, write);
    result[0] = walk.fault;
    result[1] = walk.error;
    result[2] = walk.gpa;
    result[3] = walk.page_size;
    result[4] = walk.is_writable | walk.is_user << 1 | walk.is_no_execute << 2;
}
