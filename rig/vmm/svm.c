// The AMD back end. Sections are of the AMD64 Architecture Programmer's Manual, volume 2 (APM).
#include "call.h"
#include "cpu.h"
#include "layout.h"
#include "linux.h"
#include "log.h"
#include "nested.h"
#include "vcpu.h"

struct segment {
    u16 selector, attributes; // the descriptor's bits 40-47 and 52-55, put together: APM 15.5.1
    u32 limit;
    u64 base;
};

// Appendix B, tables B-1 and B-2. Only what is used has a name.
static struct vmcb {
    u32 intercept_cr, intercept_dr, intercept_exceptions, intercept_1, intercept_2;
    u8 unused_14[0x40 - 0x14];
    u64 port_permissions, msr_permissions, tsc_offset;
    u32 asid;
    u32 tlb_control;
    u64 virtual_interrupt, interrupt_shadow, exit_code, exit_info_1, exit_info_2, exit_event, nested_paging;
    u8 unused_98[0xa8 - 0x98];
    u64 event, nested_cr3;
    u8 unused_b8[0x400 - 0xb8];
    struct segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    u8 unused_4a0[0x4cb - 0x4a0];
    u8 cpl;
    u32 unused_4cc;
    u64 efer;
    u8 unused_4d8[0x548 - 0x4d8];
    u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
    u8 unused_580[0x5d8 - 0x580];
    u64 rsp;
    u8 unused_5e0[0x5f8 - 0x5e0];
    u64 rax, star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    u8 unused_648[0x668 - 0x648];
    u64 pat;
    u8 unused_670[0x1000 - 0x670];
} vmcb page_aligned;
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70 && offsetof(struct vmcb, event) == 0xa8, "APM appendix B");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb && offsetof(struct vmcb, efer) == 0x4d0, "APM appendix B");
_Static_assert(offsetof(struct vmcb, rip) == 0x578 && offsetof(struct vmcb, rax) == 0x5f8, "APM appendix B");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640 && offsetof(struct vmcb, pat) == 0x668, "APM appendix B");

// Appendix B, table B-1, offsets 0x0c and 0x10
#define INTERCEPT_1_CPUID (1u << 18)
#define INTERCEPT_1_INVLPGA (1u << 26)
#define INTERCEPT_1_PORT (1u << 27)
#define INTERCEPT_1_MSR (1u << 28)
#define INTERCEPT_1_SHUTDOWN (1u << 31)
#define INTERCEPT_2_VMRUN (1u << 0) // must be set: APM 15.5.1
#define INTERCEPT_2_VMMCALL (1u << 1)
#define INTERCEPT_2_VMLOAD (1u << 2)
#define INTERCEPT_2_VMSAVE (1u << 3)
#define INTERCEPT_2_STGI (1u << 4)
#define INTERCEPT_2_CLGI (1u << 5)
#define INTERCEPT_2_SKINIT (1u << 6)

// Appendix C
#define VMEXIT_DB 0x41
#define VMEXIT_CPUID 0x72
#define VMEXIT_INVLPGA 0x7a
#define VMEXIT_PORT 0x7b
#define VMEXIT_MSR 0x7c
#define VMEXIT_SHUTDOWN 0x7f
#define VMEXIT_VMRUN 0x80
#define VMEXIT_VMMCALL 0x81
#define VMEXIT_VMLOAD 0x82
#define VMEXIT_SKINIT 0x86
#define VMEXIT_NPF 0x400
#define VMEXIT_INVALID (~0ull)

#define EVENT_VALID (1ull << 31) // APM 15.20
#define EVENT_HAS_ERROR (1ull << 11)
#define EVENT_EXCEPTION (3ull << 8)
#define EVENT_TYPE(event) ((event) >> 8 & 7)

#define PORT_IN (1u << 0) // APM 15.10.2
#define PORT_STRING (1u << 2)

#define NPF_WRITE (1ull << 1) // APM 15.25.6

static u8 host_save_area[PAGE_SIZE] page_aligned;
static u8 msr_permissions[2 * PAGE_SIZE] page_aligned;
static u8 port_permissions[3 * PAGE_SIZE] page_aligned; // a bit a port, APM 15.10.1

static bool is_stepping;
static u64 flags_before_step;

// APM 15.11: two bits an MSR, read and write; C000_0000 is at 0x800, C001_0000 at 0x1000.
static void intercept_msr(u32 msr)
{
    u32 bit = (msr & 0x1fff) * 2 + (msr >= 0xc0010000 ? 0x1000 : 0x800) * 8;
    msr_permissions[bit / 8] |= 3 << bit % 8;
}

static void start(u64 entry, u64 page_map)
{
    if (!(cpuid(0x8000000a, 0).edx & 1)) // APM 15.25.1
        panic("this CPU has SVM but no nested paging; try -cpu EPYC,+svm,+npt");
    if (rdmsr(MSR_VM_CR) & 1 << 4) // SVMDIS, APM 15.30.1
        panic("the firmware turned SVM off");
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    wrmsr(MSR_VM_HSAVE_PA, (u64)host_save_area);
    intercept_msr(MSR_EFER);
    intercept_msr(MSR_VM_CR);
    intercept_msr(MSR_VM_HSAVE_PA);

    port_permissions[CALL_PORT / 8] |= 1 << CALL_PORT % 8;

    vmcb.intercept_1 = INTERCEPT_1_CPUID | INTERCEPT_1_INVLPGA | INTERCEPT_1_PORT | INTERCEPT_1_MSR | INTERCEPT_1_SHUTDOWN;
    vmcb.intercept_2 = INTERCEPT_2_VMRUN | INTERCEPT_2_VMMCALL | INTERCEPT_2_VMLOAD | INTERCEPT_2_VMSAVE | INTERCEPT_2_STGI
        | INTERCEPT_2_CLGI | INTERCEPT_2_SKINIT;
    vmcb.port_permissions = (u64)port_permissions;
    vmcb.msr_permissions = (u64)msr_permissions;
    vmcb.asid = 1; // 0 is the host's
    vmcb.tlb_control = 1;
    vmcb.nested_paging = 1;
    vmcb.nested_cr3 = (u64)nested_root;

    vmcb.cs = (struct segment){SELECTOR_CODE, 0xa9b, ~0u, 0};
    vmcb.ds = vmcb.es = vmcb.ss = (struct segment){SELECTOR_DATA, 0xc93, ~0u, 0};
    vmcb.fs = vmcb.gs = (struct segment){0, 0xc93, ~0u, 0};
    vmcb.tr = (struct segment){0, 0x8b, 0xffff, 0}; // busy TSS
    vmcb.ldtr = (struct segment){0, 0x82, 0xffff, 0};
    vmcb.gdtr = (struct segment){0, 0, LINUX_GDT_LIMIT, GUEST_GDT};
    vmcb.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    vmcb.cr3 = page_map;
    vmcb.cr4 = CR4_PAE;
    vmcb.efer = EFER_SVME | EFER_LME | EFER_LMA; // SVME must be set in the guest: APM 15.5.1
    vmcb.pat = rdmsr(MSR_PAT);
    vmcb.dr6 = 0xffff0ff0; // after reset, APM 14.1.3
    vmcb.dr7 = 0x400;
    vmcb.rflags = RFLAGS_FIXED;
    vmcb.rip = entry;
    vmcb.rsp = GUEST_STACK;

    // FS, GS, TR, LDTR and the MSRs of SYSCALL stay the guest's from here on: the VMM itself never uses them.
    asm volatile("clgi; vmload %0" : : "a"(&vmcb) : "memory");
}

static void read_state(struct vcpu *vcpu)
{
    vcpu->rax = vmcb.rax;
    vcpu->rip = vmcb.rip;
    vcpu->rflags = vmcb.rflags;
    vcpu->cr0 = vmcb.cr0;
    vcpu->cr3 = vmcb.cr3;
    vcpu->cr4 = vmcb.cr4;
    vcpu->efer = vmcb.efer;
    vcpu->cpl = vmcb.cpl;
    vcpu->is_64_bit_code = vmcb.efer & EFER_LMA && vmcb.cs.attributes & 0x200; // L
}

static void flush(void)
{
    vmcb.tlb_control = 1; // all entries of all ASIDs, APM 15.16.2
}

static void inject(struct vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
    (void)vcpu;
    vmcb.event = EVENT_VALID | EVENT_EXCEPTION | vector;
    if (has_error)
        vmcb.event |= EVENT_HAS_ERROR | (u64)error << 32;
}

static void skip(struct vcpu *vcpu)
{
    vmcb.rip += vcpu->exit.length;
    if (!vcpu->is_64_bit_code)
        vmcb.rip = (u32)vmcb.rip;
    vmcb.interrupt_shadow = 0;
    if (vmcb.rflags & RFLAGS_TF) { // a debugger in the guest steps over the instruction
        vmcb.dr6 |= 1 << 14;       // BS, APM 13.1.1.3
        inject(vcpu, VECTOR_DB, false, 0);
    }
}

// Only the MSRs that say whether virtualization is on come here. The guest sees it off, and cannot switch it on.
static enum exit_kind access_msr(struct vcpu *vcpu, bool is_write)
{
    if ((u32)vcpu->rcx != MSR_EFER)
        return EXIT_REFUSED;
    if (is_write) {
        const u64 value = vcpu->rdx << 32 | (u32)vcpu->rax;
        vmcb.efer = (value & ~EFER_LMA) | (vmcb.efer & EFER_LMA) | EFER_SVME;
        flush();
    } else {
        vcpu->rax = (u32)(vmcb.efer & ~EFER_SVME);
        vcpu->rdx = vmcb.efer >> 32;
    }
    skip(vcpu);
    return EXIT_SKIPPED;
}

static void end_step(struct exit *exit)
{
    is_stepping = false;
    vmcb.intercept_exceptions = 0;
    vmcb.rflags = (vmcb.rflags & ~(RFLAGS_TF | RFLAGS_IF)) | (flags_before_step & (RFLAGS_TF | RFLAGS_IF));
    exit->kind = EXIT_STEPPED;
}

static void run(struct vcpu *vcpu)
{
    struct exit *exit = &vcpu->exit;
    vmcb.rax = vcpu->rax;
    svm_enter(vcpu, (u64)&vmcb);
    vmcb.tlb_control = 0;
    vmcb.event = 0;
    read_state(vcpu);

    // An exit that came while the guest took an interrupt or exception: it takes it again. Not a software interrupt, whose
    // instruction runs again.
    if (vmcb.exit_event & EVENT_VALID && EVENT_TYPE(vmcb.exit_event) != 4)
        vmcb.event = vmcb.exit_event;

    exit->reason = vmcb.exit_code;
    exit->length = 0;
    switch (vmcb.exit_code) {
    case VMEXIT_VMMCALL:
        exit->kind = EXIT_HYPERCALL;
        exit->length = 3; // not every CPU saves the next RIP
        break;
    case VMEXIT_CPUID:
        exit->kind = EXIT_CPUID;
        exit->length = 2;
        break;
    case VMEXIT_PORT:
        exit->kind = EXIT_PORT;
        exit->length = vmcb.exit_info_2 - vmcb.rip; // it holds the next RIP
        exit->port = (struct port_access){
            .number = vmcb.exit_info_1 >> 16,
            .size = vmcb.exit_info_1 >> 4 & 7, // SZ8, SZ16, SZ32
            .is_in = vmcb.exit_info_1 & PORT_IN,
            .is_string = vmcb.exit_info_1 & PORT_STRING,
        };
        break;
    case VMEXIT_MSR:
        exit->length = 2;
        exit->kind = access_msr(vcpu, vmcb.exit_info_1 & 1);
        break;
    case VMEXIT_NPF:
        exit->kind = EXIT_NESTED_FAULT;
        exit->gpa = vmcb.exit_info_2;
        exit->is_write = vmcb.exit_info_1 & NPF_WRITE;
        break;
    case VMEXIT_DB:
        if (!is_stepping)
            panic("the guest's #DB came here, and nobody asked for it");
        end_step(exit);
        break;
    case VMEXIT_INVLPGA:
    case VMEXIT_VMRUN:
    case VMEXIT_VMLOAD ... VMEXIT_SKINIT:
        exit->kind = EXIT_UNDEFINED;
        break;
    case VMEXIT_SHUTDOWN:
        exit->kind = EXIT_SHUTDOWN;
        break;
    case VMEXIT_INVALID:
        panic("VMRUN refused the VMCB");
    default:
        exit->kind = EXIT_OTHER;
    }
}

static void set_cr2(u64 address)
{
    vmcb.cr2 = address;
}

// TF makes the CPU trap after the instruction; interrupts wait so that it is this instruction.
static void step(struct vcpu *vcpu)
{
    (void)vcpu;
    if (is_stepping)
        return;
    is_stepping = true;
    flags_before_step = vmcb.rflags;
    vmcb.rflags = (vmcb.rflags | RFLAGS_TF) & ~RFLAGS_IF;
    vmcb.intercept_exceptions = 1u << VECTOR_DB;
}

const struct back_end svm = {"SVM", "VMMCALL", start, run, skip, inject, set_cr2, step, flush};
