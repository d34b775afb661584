// From a Multiboot loader (32-bit, paging off) to long mode and vmm_main.
#include "layout.h"

#define MULTIBOOT_MAGIC 0x1BADB002  // Multiboot 0.6.96, 3.1.1
#define MULTIBOOT_FLAGS 3           // modules on page boundaries, memory map

    .section .multiboot, "a"
    .balign 4
    .long MULTIBOOT_MAGIC
    .long MULTIBOOT_FLAGS
    .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

    .text
    .code32
    .global start
start:
    cld
    cli
    mov $boot_stack_end, %esp
    mov %eax, %ebp              // kept for vmm_main: the loader's magic number and its information
    mov %ebx, %esi

    // One to one, 2 MiB a page: entry i of all directories together is i << 21.
    mov $page_directories, %edi
    xor %ecx, %ecx
1:  mov %ecx, %eax
    shl $21, %eax
    or $0x83, %eax              // present, writable, large: SDM vol. 3, 4.5.4
    mov %eax, (%edi, %ecx, 8)
    mov %ecx, %eax
    shr $11, %eax               // bits 32 and up of the address
    mov %eax, 4(%edi, %ecx, 8)
    inc %ecx
    cmp $(IDENTITY_GIB * 512), %ecx
    jb 1b

    mov $page_directory_pointers, %edi
    mov $(page_directories + 3), %eax
    xor %ecx, %ecx
2:  mov %eax, (%edi, %ecx, 8)
    add $4096, %eax
    inc %ecx
    cmp $IDENTITY_GIB, %ecx
    jb 2b
    movl $(page_directory_pointers + 3), page_map

    mov $page_map, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $(1 << 5), %eax          // CR4.PAE
    mov %eax, %cr4
    mov $0xc0000080, %ecx       // IA32_EFER
    rdmsr
    or $(1 << 8), %eax          // LME
    wrmsr
    mov %cr0, %eax
    and $~((1 << 29) | (1 << 30)), %eax // NW, CD
    or $((1 << 31) | (1 << 16) | (1 << 5)), %eax // PG, WP, NE
    mov %eax, %cr0
    lgdt gdt_pointer
    ljmp $SELECTOR_CODE, $3f

    .code64
3:  mov $SELECTOR_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov $tss, %rax              // its base goes into the descriptor, SDM vol. 3, 7.2.3
    mov $gdt, %rdx
    mov %ax, (SELECTOR_TSS + 2)(%rdx)
    shr $16, %rax
    mov %al, (SELECTOR_TSS + 4)(%rdx)
    mov %ah, (SELECTOR_TSS + 7)(%rdx)
    mov $SELECTOR_TSS, %eax
    ltr %ax
    mov $boot_stack_end, %rsp
    mov %ebp, %edi
    call vmm_main
4:  cli
    hlt
    jmp 4b

// Exceptions inside the VMM end in panic_exception(vector, error, rip). 32 stubs of 16 bytes, IDT in main.c.
    .balign 16
    .global exception_stubs
exception_stubs:
    .set vector, 0
    .rept 32
    .balign 16
    .if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
    push $0                     // no error code by the CPU: SDM vol. 3, 6.15
    .endif
    push $vector
    jmp exception
    .set vector, vector + 1
    .endr

exception:
    cmpq $2, (%rsp)             // an NMI that came while the VMM ran is dropped: nobody here uses them
    je 5f
    pop %rdi
    pop %rsi
    mov (%rsp), %rdx
    and $~15, %rsp
    call panic_exception
5:  add $16, %rsp
    iretq

    .data
    .balign 16
    .global gdt
gdt:
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff    // SELECTOR_CODE: 64-bit code
    .quad 0x00cf93000000ffff    // SELECTOR_DATA
    .quad 0x0000890000000067    // SELECTOR_TSS, two words
    .quad 0
gdt_end:
    .global gdt_pointer
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

    .bss
    .balign 4096
page_map: .skip 4096
page_directory_pointers: .skip 4096
page_directories: .skip 4096 * IDENTITY_GIB
    .global tss
tss: .skip 104
    .balign 16
    .skip 16384
    .global boot_stack_end
boot_stack_end:
    .section .note.GNU-stack, "", @progbits
