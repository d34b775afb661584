// Where things lie. boot.S, vmm.lds and C share this file.
//
//   0                                                                                       top of RAM
//   | low memory | ... | 16 MiB: Linux is put here | ... | 128 MiB: the VMM, 4 MiB | initramfs ... |
//     boot_params                                          reserved in the guest's e820;
//     and first page tables                                the guest sees one marker page, repeated
#pragma once

#define VMM_BASE 0x8000000 // a multiple of 2 MiB, above where bzImage wants to be (its init_size is about 50 MiB)
#define VMM_SIZE 0x400000  // a multiple of 2 MiB

#define IDENTITY_GIB 64 // how much physical memory the VMM, and the guest's nested tables, map one to one

// The guest's first moments, in low RAM; Linux copies or leaves all of it early (Documentation/arch/x86/boot.rst).
#define GUEST_BOOT_PARAMS 0x10000
#define GUEST_COMMAND_LINE 0x11000
#define GUEST_GDT 0x12000
#define GUEST_PAGE_TABLES 0x13000 // PML4, PDPT, four page directories: the first 4 GiB
#define GUEST_STACK 0x1a000
#define GUEST_LOW_END 0x1a000

#define COM1 0x3f8

// Selectors, boot.S
#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TSS 0x20
