// The guest: a bzImage and an initramfs, put where Linux' 64-bit boot protocol wants them.
#pragma once
#include "types.h"

#define LINUX_GDT_LIMIT 31 // four descriptors

struct module {
    u8 *start;
    u64 size;
    char command_line[2048];
};

struct linux_entry {
    u64 rip, page_map, boot_params;
};

struct linux_entry linux_load(const struct module *kernel, const struct module *initrd);
