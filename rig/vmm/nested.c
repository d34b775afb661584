// The bits used are the same in NPT (APM vol. 2, 15.25.5: tables of long mode, all accesses are user accesses) and in EPT
// (SDM vol. 3, 29.3.2): bit 0 present or readable, bit 1 writable, bit 2 user or executable, bit 7 a large page.
//
//   root -> pointers -> 64 directories, 2 MiB pages, writable
//                           | the first 2 MiB: 4 KiB pages, for their memory types (EPT)
//                           | the VMM's 4 MiB: two entries, both to rom_table, 512 times the marker page, not writable
#include "nested.h"

#include "layout.h"
#include "memory.h"

#define READ_ONLY 5ull
#define ALL 7ull
#define LARGE (1ull << 7)
#define EPT_WRITE_BACK (6ull << 3) // SDM vol. 3, 29.3.7.1; 0 is uncacheable

u64 nested_root[512] page_aligned;
static u64 pointers[512] page_aligned;
static u64 directories[IDENTITY_GIB * 512] page_aligned;
static u64 first_table[512] page_aligned;
static u64 rom_table[512] page_aligned;
static u64 scratch_table[512] page_aligned;
static u8 scratch_page[PAGE_SIZE] page_aligned;

static const char marker[8] = "HCRIGROM";

static u64 type_of(u64 gpa, bool is_ept)
{
    return is_ept && memory_region(gpa) != REGION_HOLE ? EPT_WRITE_BACK : 0;
}

static void map_rom(const u64 *table)
{
    for (u64 gpa = VMM_BASE; gpa < VMM_BASE + VMM_SIZE; gpa += LARGE_PAGE_SIZE)
        directories[gpa / LARGE_PAGE_SIZE] = (u64)table | ALL;
}

void nested_init(bool is_ept)
{
    for (size_t i = 0; i < PAGE_SIZE; i++)
        rom_marker[i] = marker[i % sizeof marker];

    for (u64 i = 0; i < array_length(directories); i++) {
        u64 gpa = i * LARGE_PAGE_SIZE;
        directories[i] = gpa | ALL | LARGE | type_of(gpa, is_ept);
    }
    for (u64 i = 0; i < 512; i++) {
        first_table[i] = i * PAGE_SIZE | ALL | type_of(i * PAGE_SIZE, is_ept);
        rom_table[i] = (u64)rom_marker | READ_ONLY | type_of(VMM_BASE, is_ept);
        scratch_table[i] = (u64)scratch_page | ALL | type_of(VMM_BASE, is_ept);
    }
    directories[0] = (u64)first_table | ALL;
    map_rom(rom_table);

    for (u64 i = 0; i < IDENTITY_GIB; i++)
        pointers[i] = (u64)&directories[i * 512] | ALL;
    nested_root[0] = (u64)pointers | ALL;
}

void nested_open_scratch(void)
{
    memcpy(scratch_page, rom_marker, PAGE_SIZE);
    map_rom(scratch_table);
}

void nested_close_scratch(void)
{
    map_rom(rom_table);
}
