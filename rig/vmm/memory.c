#include "memory.h"

#include "layout.h"
#include "log.h"

#define MOST_LOGGED_REFUSALS 20 // since the policy was set; a test may make a million

struct e820_entry memory_map[128];
unsigned memory_map_entries;

enum rom_policy rom_policy;
u64 rom_refused_writes;
static u64 logged_refusals;

u8 rom_marker[PAGE_SIZE] page_aligned;

static void append(u64 address, u64 end, u32 type)
{
    if (address >= end)
        return;
    if (memory_map_entries == array_length(memory_map))
        panic("the memory map has more than %u entries", (u64)array_length(memory_map));
    memory_map[memory_map_entries++] = (struct e820_entry){address, end - address, type};
}

void memory_add(u64 address, u64 size, u32 type)
{
    const u64 rom = VMM_BASE, rom_end = VMM_BASE + VMM_SIZE;
    u64 end = address + size;
    if (end <= rom || address >= rom_end) {
        append(address, end, type);
        return;
    }
    if (address > rom || end < rom_end || type != E820_RAM)
        panic("0x%x-0x%x is not RAM; give the machine more memory", rom, rom_end);
    append(address, rom, type);
    append(rom, rom_end, E820_RESERVED);
    append(rom_end, end, type);
}

enum region memory_region(u64 gpa)
{
    if (gpa >= VMM_BASE && gpa < VMM_BASE + VMM_SIZE)
        return REGION_ROM;
    for (unsigned i = 0; i < memory_map_entries; i++)
        if (memory_map[i].type == E820_RAM && gpa >= memory_map[i].address && gpa - memory_map[i].address < memory_map[i].size)
            return gpa < ((u64)IDENTITY_GIB << 30) ? REGION_RAM : REGION_HOLE;
    return REGION_HOLE;
}

const u8 *memory_to_read(u64 gpa)
{
    switch (memory_region(gpa)) {
    case REGION_RAM:
        return (const u8 *)gpa;
    case REGION_ROM:
        return rom_marker + (gpa & PAGE_MASK);
    default:
        return NULL;
    }
}

enum write_answer memory_to_write(u64 gpa, const char *who, u8 **bytes)
{
    switch (memory_region(gpa)) {
    case REGION_RAM:
        *bytes = (u8 *)gpa;
        return WRITE_ALLOWED;
    case REGION_ROM:
#ifdef BREAK_ROM_WRITE
        *bytes = rom_marker + (gpa & PAGE_MASK);
        return WRITE_ALLOWED;
#endif
        if (rom_policy == ROM_PANIC)
            panic("write to ROM-faked memory at GPA 0x%x by %s", gpa, who);
        rom_refused_writes++;
        if (logged_refusals++ < MOST_LOGGED_REFUSALS)
            log_line("refused: write to ROM-faked memory at GPA 0x%x by %s", gpa, who);
        return WRITE_REFUSED;
    default:
        return WRITE_HOLE;
    }
}

void rom_set_policy(enum rom_policy policy)
{
    rom_policy = policy;
    logged_refusals = 0;
}
