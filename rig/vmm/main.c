// From the Multiboot loader to the guest's first instruction.
#include "cpu.h"
#include "exits.h"
#include "layout.h"
#include "linux.h"
#include "log.h"
#include "memory.h"
#include "nested.h"
#include "vcpu.h"

#ifndef BREAK
#define BREAK "none"
#endif

// Multiboot 0.6.96, 3.3
#define LOADER_MAGIC 0x2badb002
#define INFO_MODULES (1u << 3)
#define INFO_MEMORY_MAP (1u << 6)
#define INFO_LOADER_NAME (1u << 9)

struct multiboot_info {
    u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
    u32 drives_length, drives_addr, config_table, boot_loader_name;
};

struct multiboot_module {
    u32 start, end, command_line, reserved;
};

struct multiboot_memory {
    u32 size; // of the rest of the entry
    u64 address, length;
    u32 type;
} __attribute__((packed));

struct gate { // SDM vol. 3, 6.14.1
    u16 offset_0, selector;
    u8 ist, type;
    u16 offset_16;
    u32 offset_32, reserved;
};

extern u8 exception_stubs[32][16];
static struct gate idt[32];

const struct back_end *back_end;
static struct vcpu vcpu;
static struct module kernel, initrd;

static void load_idt(void)
{
    for (size_t i = 0; i < array_length(idt); i++) {
        u64 stub = (u64)exception_stubs[i];
        idt[i] = (struct gate){(u16)stub, SELECTOR_CODE, 0, 0x8e, (u16)(stub >> 16), (u32)(stub >> 32), 0};
    }
    struct {
        u16 limit;
        u64 base;
    } __attribute__((packed)) pointer = {sizeof idt - 1, (u64)idt};
    asm volatile("lidt %0" : : "m"(pointer));
}

// QEMU gives a module's command line with the file's name before it, GRUB without.
static void take_module(struct module *module, const struct multiboot_module *from, bool has_file_name)
{
    module->start = (u8 *)(u64)from->start;
    module->size = from->end - from->start;
    const char *text = (const char *)(u64)from->command_line;
    if (has_file_name) {
        while (*text && *text != ' ')
            text++;
        while (*text == ' ')
            text++;
    }
    size_t length = strlen(text);
    if (length >= sizeof module->command_line)
        panic("a command line of %u bytes is too long", (u64)length);
    memcpy(module->command_line, text, length + 1);
}

static void take_loader_information(u32 magic, const struct multiboot_info *info)
{
    if (magic != LOADER_MAGIC)
        panic("not started by a Multiboot loader");
    if (!(info->flags & INFO_MODULES) || info->mods_count != 2)
        panic("two modules are needed: a bzImage with the guest's command line, and an initramfs");
    if (!(info->flags & INFO_MEMORY_MAP))
        panic("the loader gave no memory map");

    for (u64 at = info->mmap_addr; at < info->mmap_addr + (u64)info->mmap_length;) {
        const struct multiboot_memory *entry = (const struct multiboot_memory *)at;
        memory_add(entry->address, entry->length, entry->type);
        at += entry->size + sizeof entry->size;
    }
    if (memory_region(VMM_BASE - 1) != REGION_RAM || memory_region(VMM_BASE + VMM_SIZE) != REGION_RAM)
        panic("no RAM around 0x%x; give the machine at least 256 MiB", (u64)VMM_BASE);

    const struct multiboot_module *modules = (const struct multiboot_module *)(u64)info->mods_addr;
    const bool is_grub = info->flags & INFO_LOADER_NAME && memcmp((const char *)(u64)info->boot_loader_name, "GRUB", 4) == 0;
    take_module(&kernel, &modules[0], !is_grub);
    take_module(&initrd, &modules[1], !is_grub);
}

// By vendor, as the guest chooses its instruction.
static const struct back_end *choose_back_end(void)
{
    struct cpuid id = cpuid(0, 0);
    u32 vendor[4] = {id.ebx, id.edx, id.ecx, 0};
    if (same_text((char *)vendor, "AuthenticAMD") || same_text((char *)vendor, "HygonGenuine")) {
        if (cpuid(0x80000000, 0).eax >= 0x8000000a && cpuid(0x80000001, 0).ecx & 1 << 2) // SVM, APM 15.4
            return &svm;
        panic("this %s CPU has no SVM", vendor);
    }
    if (cpuid(1, 0).ecx & 1 << 5) // VMX, SDM vol. 3, 23.6
        return &vmx;
    panic("this %s CPU has no VMX", vendor);
}

_Noreturn void vmm_main(u32 magic, const struct multiboot_info *info)
{
    console_init();
    load_idt();
    back_end = choose_back_end();
    take_loader_information(magic, info);
    nested_init(back_end == &vmx);
    log_line("hypercall rig, %s, memory 0x%x-0x%x, break %s", back_end->name, (u64)VMM_BASE, (u64)VMM_BASE + VMM_SIZE, BREAK);
    struct linux_entry entry = linux_load(&kernel, &initrd);
    log_line("kernel %u bytes, initramfs %u bytes at 0x%x, entry 0x%x", kernel.size, initrd.size, (u64)initrd.start, entry.rip);
    vcpu.rsi = entry.boot_params;
    back_end->start(entry.rip, entry.page_map);
    handle_exits(&vcpu);
}
