// Documentation/arch/x86/boot.rst, "64-bit Boot Protocol", in the Linux source tree.
#include "linux.h"

#include "layout.h"
#include "log.h"
#include "memory.h"

// struct boot_params and the setup header in it, Documentation/arch/x86/zero-page.rst and boot.rst. Offsets are those in both.
#define E820_COUNT 0x1e8
#define SETUP_SECTS 0x1f1
#define BOOT_FLAG 0x1fe // 0xaa55
#define JUMP 0x200      // its second byte: where the header ends, from 0x202
#define HEADER 0x202    // "HdrS"
#define VERSION 0x206
#define TYPE_OF_LOADER 0x210
#define LOADFLAGS 0x211
#define RAMDISK_IMAGE 0x218
#define RAMDISK_SIZE 0x21c
#define CMD_LINE_PTR 0x228
#define INITRD_ADDR_MAX 0x22c
#define XLOADFLAGS 0x236 // bit 0: there is a 64-bit entry point, at 0x200
#define PREF_ADDRESS 0x258
#define INIT_SIZE 0x260
#define E820_TABLE 0x2d0

#define ENTRY_64 0x200
#define PROTOCOL_2_12 0x020c // the first with xloadflags

#define field(type, base, offset) (*(type __attribute__((aligned(1), may_alias)) *)((base) + (offset)))

static void build_page_tables(void)
{
    u64 *tables = (u64 *)GUEST_PAGE_TABLES;
    memset(tables, 0, 6 * PAGE_SIZE);
    tables[0] = (u64)(tables + 512) | 3;
    for (u64 i = 0; i < 4; i++)
        tables[512 + i] = (u64)(tables + 512 * (2 + i)) | 3;
    for (u64 i = 0; i < 4 * 512; i++)
        tables[1024 + i] = i * LARGE_PAGE_SIZE | 0x83; // large, writable, present: SDM vol. 3, 4.5.4
}

static void build_gdt(void)
{
    u64 *gdt = (u64 *)GUEST_GDT;
    gdt[0] = gdt[1] = 0;
    gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffff; // the selectors are Linux' __BOOT_CS and __BOOT_DS
    gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffff;
}

static bool overlap(u64 start, u64 end, u64 other_start, u64 other_end)
{
    return start < other_end && other_start < end;
}

// GRUB puts modules right where the kernel wants to be. The highest RAM that Linux takes an initramfs from is free for sure,
// unless the bzImage lies there.
static u64 move_initrd_away(const struct module *kernel, const struct module *initrd, u64 start, u64 end, u64 highest)
{
    const u64 from = (u64)initrd->start;
    if (!overlap(start, end, from, from + initrd->size))
        return from;

    u64 to = 0;
    for (unsigned i = 0; i < memory_map_entries; i++) {
        const struct e820_entry *entry = &memory_map[i];
        u64 top = entry->address + entry->size;
        top = top < highest + 1 ? top : highest + 1;
        const u64 place = (top - initrd->size) & ~PAGE_MASK;
        if (entry->type == E820_RAM && top > initrd->size && place >= entry->address && place > to)
            to = place;
    }
    const u64 to_end = to + initrd->size, image = (u64)kernel->start;
    if (to == 0 || overlap(to, to_end, start, end) || overlap(to, to_end, from, from + initrd->size)
        || overlap(to, to_end, image, image + kernel->size))
        panic("no place for the initramfs of %u bytes; give the machine more memory", initrd->size);
    memcpy((u8 *)to, initrd->start, initrd->size);
    return to;
}

struct linux_entry linux_load(const struct module *kernel, const struct module *initrd)
{
    const u8 *image = kernel->start;
    if (kernel->size < 0x1000 || field(const u16, image, BOOT_FLAG) != 0xaa55 || memcmp(image + HEADER, "HdrS", 4) != 0)
        panic("the first module is no bzImage");
    if (field(const u16, image, VERSION) < PROTOCOL_2_12 || !(field(const u16, image, XLOADFLAGS) & 1))
        panic("the kernel has no 64-bit entry point");

    const u64 setup_sectors = image[SETUP_SECTS] ? image[SETUP_SECTS] : 4;
    const u64 setup_size = (setup_sectors + 1) * 512;
    const u64 place = field(const u64, image, PREF_ADDRESS);
    const u64 place_end = place + field(const u32, image, INIT_SIZE);
    if (overlap(place, place_end, VMM_BASE, VMM_BASE + VMM_SIZE))
        panic("the kernel's place, 0x%x-0x%x, overlaps the VMM", place, place_end);
    if (memory_region(place) != REGION_RAM || memory_region(place_end - 1) != REGION_RAM)
        panic("the kernel's place, 0x%x-0x%x, is not RAM", place, place_end);
    for (u64 address = GUEST_BOOT_PARAMS; address < GUEST_LOW_END; address += PAGE_SIZE)
        if (memory_region(address) != REGION_RAM)
            panic("no RAM at 0x%x", address);

    const u64 initrd_address = move_initrd_away(kernel, initrd, place, place_end, field(const u32, image, INITRD_ADDR_MAX));
    u8 *params = (u8 *)GUEST_BOOT_PARAMS;
    memset(params, 0, PAGE_SIZE);
    memcpy(params + SETUP_SECTS, image + SETUP_SECTS, HEADER + image[JUMP + 1] - SETUP_SECTS);
    params[TYPE_OF_LOADER] = 0xff; // a loader without a number of its own
    field(u32, params, RAMDISK_IMAGE) = (u32)initrd_address;
    field(u32, params, RAMDISK_SIZE) = (u32)initrd->size;
    field(u32, params, CMD_LINE_PTR) = GUEST_COMMAND_LINE;
    params[E820_COUNT] = (u8)memory_map_entries;
    memcpy(params + E820_TABLE, memory_map, memory_map_entries * sizeof memory_map[0]);
    memcpy((char *)GUEST_COMMAND_LINE, kernel->command_line, sizeof kernel->command_line);
    build_page_tables();
    build_gdt();
    memmove((u8 *)place, image + setup_size, kernel->size - setup_size);
    return (struct linux_entry){place + ENTRY_64, GUEST_PAGE_TABLES, GUEST_BOOT_PARAMS};
}
