// The guest's physical memory as the VMM's handlers may use it.
#pragma once
#include "types.h"

enum region {
    REGION_HOLE, // devices, firmware, nothing
    REGION_RAM,
    REGION_ROM, // the VMM's own memory: the guest sees a marker page, repeated
};

struct e820_entry {
    u64 address, size;
    u32 type; // 1 RAM, 2 reserved: ACPI specification, 15 (INT 15h, E820h)
} __attribute__((packed));

#define E820_RAM 1
#define E820_RESERVED 2

extern struct e820_entry memory_map[128];
extern unsigned memory_map_entries;

// Takes the loader's map and carves the VMM out of it.
void memory_add(u64 address, u64 size, u32 type);

enum region memory_region(u64 gpa);

// The bytes at a guest physical address, up to the end of its page; null in a hole. ROM reads as the marker.
const u8 *memory_to_read(u64 gpa);

enum write_answer {
    WRITE_HOLE,
    WRITE_ALLOWED,
    WRITE_REFUSED, // ROM, and the policy is to go on without writing
};

// The same for writing. `who` is the function's name, for the panic that a write to ROM is.
enum write_answer memory_to_write(u64 gpa, const char *who, u8 **bytes);

// A refused write: what rom_policy sets and tells.
enum rom_policy {
    ROM_PANIC,
    ROM_LOG,
};
extern enum rom_policy rom_policy;
extern u64 rom_refused_writes;
void rom_set_policy(enum rom_policy policy);

extern u8 rom_marker[PAGE_SIZE]; // what the guest reads there: "HCRIGROM", repeated
