// The way into the guest and out of it. The guest's general registers lie in struct vcpu, vcpu.h, in that order.
    .text

.macro load_guest_registers             // from RDI
    mov 0x08(%rdi), %rbx
    mov 0x10(%rdi), %rcx
    mov 0x18(%rdi), %rdx
    mov 0x20(%rdi), %rsi
    mov 0x30(%rdi), %rbp
    mov 0x38(%rdi), %r8
    mov 0x40(%rdi), %r9
    mov 0x48(%rdi), %r10
    mov 0x50(%rdi), %r11
    mov 0x58(%rdi), %r12
    mov 0x60(%rdi), %r13
    mov 0x68(%rdi), %r14
    mov 0x70(%rdi), %r15
    mov 0x28(%rdi), %rdi
.endm

.macro store_guest_registers            // the vcpu is on the stack
    push %rdi
    mov 8(%rsp), %rdi
    mov %rbx, 0x08(%rdi)
    mov %rcx, 0x10(%rdi)
    mov %rdx, 0x18(%rdi)
    mov %rsi, 0x20(%rdi)
    mov %rbp, 0x30(%rdi)
    mov %r8, 0x38(%rdi)
    mov %r9, 0x40(%rdi)
    mov %r10, 0x48(%rdi)
    mov %r11, 0x50(%rdi)
    mov %r12, 0x58(%rdi)
    mov %r13, 0x60(%rdi)
    mov %r14, 0x68(%rdi)
    mov %r15, 0x70(%rdi)
    pop 0x28(%rdi)
    pop %rdi
.endm

.macro push_host_registers
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi
.endm

.macro pop_host_registers               // RDI was popped by store_guest_registers
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
.endm

// void svm_enter(struct vcpu *vcpu, u64 vmcb): RAX, RSP and RIP of the guest lie in the VMCB. APM vol. 2, 15.5.
    .global svm_enter
svm_enter:
    push_host_registers
    mov %rsi, %rax
    load_guest_registers
    vmrun %rax
    store_guest_registers
    pop_host_registers
    ret

// bool vmx_enter(struct vcpu *vcpu, bool is_launched): RSP and RIP of the guest lie in the VMCS. SDM vol. 3, 26.1.
    .global vmx_enter
    .global vmx_exit
vmx_enter:
    push_host_registers
    mov $0x6c14, %eax                   // host RSP, SDM vol. 3, appendix B.4.4
    vmwrite %rsp, %rax
    test %esi, %esi
    mov 0x00(%rdi), %rax
    load_guest_registers                // MOV leaves the flags alone
    jnz 1f
    vmlaunch
    jmp 2f
1:  vmresume
2:  pop %rdi                            // entry failed: the CPU went on here
    pop_host_registers
    mov $1, %eax
    ret
vmx_exit:
    push %rax
    mov 8(%rsp), %rax                   // the vcpu
    pop 0x00(%rax)
    store_guest_registers
    pop_host_registers
    xor %eax, %eax
    ret
    .section .note.GNU-stack, "", @progbits
