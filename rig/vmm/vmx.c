// The Intel back end. Sections are of the Intel Software Developer's Manual, volume 3 (SDM).
#include "call.h"
#include "cpu.h"
#include "layout.h"
#include "linux.h"
#include "log.h"
#include "nested.h"
#include "vcpu.h"

// SDM vol. 4, table 2-2; SDM vol. 3, appendix A
#define MSR_VMX_BASIC 0x480
#define MSR_VMX_PIN 0x481 // ... 0x484, and the TRUE ones from 0x48d on
#define MSR_VMX_PROCESSOR 0x482
#define MSR_VMX_EXIT 0x483
#define MSR_VMX_ENTRY 0x484
#define MSR_VMX_PROCESSOR_2 0x48b
#define MSR_VMX_EPT_VPID 0x48c
#define MSR_VMX_TRUE (0x48d - 0x481)
#define BASIC_HAS_TRUE (1ull << 55)
#define EPT_WALK_4 (1ull << 6)
#define EPT_WB (1ull << 14)
#define EPT_2M (1ull << 16)

// Appendix B
enum field {
    GUEST_ES = 0x800, // CS, SS, DS, FS, GS, LDTR, TR follow, two apart; so do their limits, rights and bases
    HOST_ES = 0xc00,
    HOST_CS = 0xc02,
    HOST_SS = 0xc04,
    HOST_DS = 0xc06,
    HOST_FS = 0xc08,
    HOST_GS = 0xc0a,
    HOST_TR = 0xc0c,
    PORT_BITMAP_A = 0x2000, // ports 0 to 0x7fff
    PORT_BITMAP_B = 0x2002,
    MSR_BITMAP = 0x2004,
    EPT_POINTER = 0x201a,
    GUEST_PHYSICAL_ADDRESS = 0x2400,
    VMCS_LINK = 0x2800,
    GUEST_PAT = 0x2804,
    GUEST_EFER = 0x2806,
    HOST_PAT = 0x2c00,
    HOST_EFER = 0x2c02,
    PIN_CONTROLS = 0x4000,
    PROCESSOR_CONTROLS = 0x4002,
    EXCEPTION_BITMAP = 0x4004,
    EXIT_CONTROLS = 0x400c,
    ENTRY_CONTROLS = 0x4012,
    ENTRY_EVENT = 0x4016,
    ENTRY_EVENT_ERROR = 0x4018,
    PROCESSOR_CONTROLS_2 = 0x401e,
    INSTRUCTION_ERROR = 0x4400,
    EXIT_REASON = 0x4402,
    EXIT_EVENT = 0x4404,
    VECTORING_EVENT = 0x4408,
    VECTORING_EVENT_ERROR = 0x440a,
    EXIT_LENGTH = 0x440c,
    GUEST_ES_LIMIT = 0x4800,
    GUEST_GDTR_LIMIT = 0x4810,
    GUEST_IDTR_LIMIT = 0x4812,
    GUEST_ES_RIGHTS = 0x4814,
    GUEST_CS_RIGHTS = 0x4816,
    GUEST_SS_RIGHTS = 0x4818,
    GUEST_INTERRUPTIBILITY = 0x4824,
    CR0_MASK = 0x6000,
    CR4_MASK = 0x6002,
    CR0_SHADOW = 0x6004,
    CR4_SHADOW = 0x6006,
    EXIT_QUALIFICATION = 0x6400,
    GUEST_CR0 = 0x6800,
    GUEST_CR3 = 0x6802,
    GUEST_CR4 = 0x6804,
    GUEST_ES_BASE = 0x6806,
    GUEST_GDTR_BASE = 0x6816,
    GUEST_DR7 = 0x681a,
    GUEST_RSP = 0x681c,
    GUEST_RIP = 0x681e,
    GUEST_RFLAGS = 0x6820,
    GUEST_PENDING_DEBUG = 0x6822,
    HOST_CR0 = 0x6c00,
    HOST_CR3 = 0x6c02,
    HOST_CR4 = 0x6c04,
    HOST_TR_BASE = 0x6c0a,
    HOST_GDTR_BASE = 0x6c0c,
    HOST_IDTR_BASE = 0x6c0e,
    HOST_RIP = 0x6c16,
};

// 25.6.2, 25.7.1, 25.8.1
#define PROCESSOR_PORT_BITMAPS (1u << 25)
#define PROCESSOR_MSR_BITMAPS (1u << 28)
#define PROCESSOR_SECONDARY (1u << 31)
#define PROCESSOR_2_EPT (1u << 1)
#define PROCESSOR_2_RDTSCP (1u << 3)
#define PROCESSOR_2_UNRESTRICTED (1u << 7)
#define PROCESSOR_2_INVPCID (1u << 12)
#define PROCESSOR_2_XSAVES (1u << 20)
#define EXIT_SAVE_DEBUG (1u << 2)
#define EXIT_HOST_64 (1u << 9)
#define EXIT_PAT (3u << 18)  // save and load
#define EXIT_EFER (3u << 20)
#define ENTRY_LOAD_DEBUG (1u << 2)
#define ENTRY_GUEST_64 (1u << 9)
#define ENTRY_PAT (1u << 14)
#define ENTRY_EFER (1u << 15)

// Appendix C
enum reason {
    REASON_EXCEPTION = 0,
    REASON_TRIPLE_FAULT = 2,
    REASON_CPUID = 10,
    REASON_GETSEC = 11,
    REASON_INVD = 13,
    REASON_VMCALL = 18,
    REASON_VMCLEAR = 19, // to VMXON
    REASON_VMXON = 27,
    REASON_CR = 28,
    REASON_PORT = 30,
    REASON_RDMSR = 31,
    REASON_WRMSR = 32,
    REASON_BAD_STATE = 33,
    REASON_EPT_VIOLATION = 48,
    REASON_INVEPT = 50,
    REASON_INVVPID = 53,
    REASON_XSETBV = 55,
};

#define RIGHTS_CODE_64 0xa09b // 25.4.1: present, long, accessed; granularity
#define RIGHTS_DATA 0xc093
#define RIGHTS_TSS 0x8b
#define RIGHTS_UNUSABLE 0x10000
#define EVENT_VALID (1u << 31) // 25.8.3
#define EVENT_HAS_ERROR (1u << 11)
#define EVENT_EXCEPTION (3u << 8)

static u8 vmxon_region[PAGE_SIZE] page_aligned;
static u8 vmcs[PAGE_SIZE] page_aligned;
static u8 msr_bitmap[PAGE_SIZE] page_aligned; // zero: the guest's MSRs are the CPU's
static u8 port_bitmaps[2][PAGE_SIZE] page_aligned; // a bit a port, 25.6.4
static u64 ept_pointer;
static bool is_launched;

static bool is_stepping;
static u64 flags_before_step;

extern u8 vmx_exit[], tss[], gdt[];

static u64 vmread(enum field field)
{
    u64 value;
    asm volatile("vmread %1, %0" : "=rm"(value) : "r"((u64)field) : "cc");
    return value;
}

static void vmwrite(enum field field, u64 value)
{
    bool has_failed;
    asm volatile("vmwrite %1, %2" : "=@ccna"(has_failed) : "rm"(value), "r"((u64)field)); // CF or ZF: 31.2
    if (has_failed)
        panic("VMWRITE of field 0x%x failed", (u64)field);
}

// A.2 to A.5: the low half must be set, what is clear in the high half must be clear.
static u32 controls(u32 msr, u32 wanted, u32 wished)
{
    if (msr != MSR_VMX_PROCESSOR_2 && rdmsr(MSR_VMX_BASIC) & BASIC_HAS_TRUE)
        msr += MSR_VMX_TRUE;
    const u64 allowed = rdmsr(msr);
    if (wanted & ~(u32)(allowed >> 32))
        panic("this CPU's VMX lacks controls 0x%x of MSR 0x%x", (u64)(wanted & ~(u32)(allowed >> 32)), (u64)msr);
    return ((wanted | wished) & (u32)(allowed >> 32)) | (u32)allowed;
}

static void enter_vmx_operation(void)
{
    const u64 lock = 1, outside_smx = 1 << 2; // SDM vol. 3, 24.7
    const u64 feature_control = rdmsr(MSR_FEATURE_CONTROL);
    if (!(feature_control & lock))
        wrmsr(MSR_FEATURE_CONTROL, feature_control | lock | outside_smx);
    else if (!(feature_control & outside_smx))
        panic("the firmware turned VMX off");

    write_cr4(read_cr4() | CR4_VMXE | (cpuid(1, 0).ecx & 1 << 26 ? CR4_OSXSAVE : 0)); // OSXSAVE: for XSETBV
    const u32 revision = (u32)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
    memcpy(vmxon_region, &revision, sizeof revision);
    memcpy(vmcs, &revision, sizeof revision);
    const u64 on = (u64)vmxon_region, current = (u64)vmcs;
    bool has_failed;
    asm volatile("vmxon %1" : "=@ccna"(has_failed) : "m"(on) : "memory");
    if (has_failed)
        panic("VMXON failed");
    asm volatile("vmclear %1" : "=@ccna"(has_failed) : "m"(current) : "memory");
    if (!has_failed)
        asm volatile("vmptrld %1" : "=@ccna"(has_failed) : "m"(current) : "memory");
    if (has_failed)
        panic("VMCLEAR or VMPTRLD failed");
}

static void set_segment(int index, u16 selector, u32 limit, u32 rights)
{
    vmwrite(GUEST_ES + 2 * index, selector);
    vmwrite(GUEST_ES_LIMIT + 2 * index, limit);
    vmwrite(GUEST_ES_RIGHTS + 2 * index, rights);
    vmwrite(GUEST_ES_BASE + 2 * index, 0);
}

static void start(u64 entry, u64 page_map)
{
    enter_vmx_operation();
    const u64 ept_needed = EPT_WALK_4 | EPT_WB | EPT_2M;
    const u32 processor = controls(MSR_VMX_PROCESSOR, PROCESSOR_PORT_BITMAPS | PROCESSOR_MSR_BITMAPS | PROCESSOR_SECONDARY, 0);
    const u32 processor_2 = controls(MSR_VMX_PROCESSOR_2, PROCESSOR_2_EPT | PROCESSOR_2_UNRESTRICTED,
        PROCESSOR_2_RDTSCP | PROCESSOR_2_INVPCID | PROCESSOR_2_XSAVES);
    if ((rdmsr(MSR_VMX_EPT_VPID) & ept_needed) != ept_needed)
        panic("this CPU's EPT lacks four levels, write-back or 2 MiB pages");

    vmwrite(PIN_CONTROLS, controls(MSR_VMX_PIN, 0, 0));
    vmwrite(PROCESSOR_CONTROLS, processor);
    vmwrite(PROCESSOR_CONTROLS_2, processor_2);
    vmwrite(EXIT_CONTROLS, controls(MSR_VMX_EXIT, EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_PAT | EXIT_EFER, 0));
    vmwrite(ENTRY_CONTROLS, controls(MSR_VMX_ENTRY, ENTRY_LOAD_DEBUG | ENTRY_GUEST_64 | ENTRY_PAT | ENTRY_EFER, 0));
    vmwrite(EXCEPTION_BITMAP, 0);
    vmwrite(MSR_BITMAP, (u64)msr_bitmap);
    _Static_assert(CALL_PORT < 0x8000, "it is in the first bitmap");
    port_bitmaps[0][CALL_PORT / 8] |= 1 << CALL_PORT % 8;
    vmwrite(PORT_BITMAP_A, (u64)port_bitmaps[0]);
    vmwrite(PORT_BITMAP_B, (u64)port_bitmaps[1]);
    ept_pointer = (u64)nested_root | 3 << 3 | 6; // 25.6.11: four levels, write-back
    vmwrite(EPT_POINTER, ept_pointer);
    vmwrite(VMCS_LINK, ~0ull);

    // In VMX operation CR0.NE and CR4.VMXE must stay set (24.8). The guest sees its own NE, and VMXE clear.
    vmwrite(CR0_MASK, CR0_NE);
    vmwrite(CR0_SHADOW, CR0_NE);
    vmwrite(CR4_MASK, CR4_VMXE);
    vmwrite(CR4_SHADOW, 0);

    vmwrite(HOST_CR0, read_cr0());
    vmwrite(HOST_CR3, read_cr3());
    vmwrite(HOST_CR4, read_cr4());
    vmwrite(HOST_EFER, rdmsr(MSR_EFER));
    vmwrite(HOST_PAT, rdmsr(MSR_PAT));
    vmwrite(HOST_CS, SELECTOR_CODE);
    vmwrite(HOST_SS, SELECTOR_DATA);
    vmwrite(HOST_DS, SELECTOR_DATA);
    vmwrite(HOST_ES, SELECTOR_DATA);
    vmwrite(HOST_FS, 0);
    vmwrite(HOST_GS, 0);
    vmwrite(HOST_TR, SELECTOR_TSS);
    vmwrite(HOST_TR_BASE, (u64)tss);
    vmwrite(HOST_GDTR_BASE, (u64)gdt);
    struct {
        u16 limit;
        u64 base;
    } __attribute__((packed)) idtr;
    asm volatile("sidt %0" : "=m"(idtr));
    vmwrite(HOST_IDTR_BASE, idtr.base);
    vmwrite(HOST_RIP, (u64)vmx_exit);

    set_segment(0, SELECTOR_DATA, ~0u, RIGHTS_DATA);    // ES
    set_segment(1, SELECTOR_CODE, ~0u, RIGHTS_CODE_64); // CS
    set_segment(2, SELECTOR_DATA, ~0u, RIGHTS_DATA);    // SS
    set_segment(3, SELECTOR_DATA, ~0u, RIGHTS_DATA);    // DS
    set_segment(4, 0, ~0u, RIGHTS_DATA);                // FS
    set_segment(5, 0, ~0u, RIGHTS_DATA);                // GS
    set_segment(6, 0, 0xffff, RIGHTS_UNUSABLE);         // LDTR
    set_segment(7, 0, 0xffff, RIGHTS_TSS);              // TR
    vmwrite(GUEST_GDTR_BASE, GUEST_GDT);
    vmwrite(GUEST_GDTR_LIMIT, LINUX_GDT_LIMIT);
    vmwrite(GUEST_IDTR_LIMIT, 0);
    vmwrite(GUEST_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
    vmwrite(GUEST_CR3, page_map);
    vmwrite(GUEST_CR4, CR4_PAE | CR4_VMXE);
    vmwrite(GUEST_EFER, EFER_LME | EFER_LMA);
    vmwrite(GUEST_PAT, rdmsr(MSR_PAT));
    vmwrite(GUEST_DR7, 0x400); // after reset, SDM vol. 3, table 10-1
    vmwrite(GUEST_RFLAGS, RFLAGS_FIXED);
    vmwrite(GUEST_RIP, entry);
    vmwrite(GUEST_RSP, GUEST_STACK);
}

static void read_state(struct vcpu *vcpu)
{
    vcpu->rip = vmread(GUEST_RIP);
    vcpu->rflags = vmread(GUEST_RFLAGS);
    vcpu->cr0 = vmread(GUEST_CR0);
    vcpu->cr3 = vmread(GUEST_CR3);
    vcpu->cr4 = vmread(GUEST_CR4);
    vcpu->efer = vmread(GUEST_EFER);
    vcpu->cpl = vmread(GUEST_SS_RIGHTS) >> 5 & 3;                                             // SS' DPL is the CPL, 25.4.1
    vcpu->is_64_bit_code = vcpu->efer & EFER_LMA && vmread(GUEST_CS_RIGHTS) & 1 << 13; // L
}

static void skip(struct vcpu *vcpu)
{
    const u64 rip = vcpu->rip + vcpu->exit.length;
    vmwrite(GUEST_RIP, vcpu->is_64_bit_code ? rip : (u32)rip);
    vmwrite(GUEST_INTERRUPTIBILITY, vmread(GUEST_INTERRUPTIBILITY) & ~3ull); // the shadow of STI and MOV SS is over
    if (vcpu->rflags & RFLAGS_TF)
        vmwrite(GUEST_PENDING_DEBUG, 1 << 14); // BS: a debugger in the guest steps over the instruction
}

// The only writes to CR0 and CR4 that come here change NE or VMXE.
static enum exit_kind write_control_register(struct vcpu *vcpu)
{
    const u64 qualification = vmread(EXIT_QUALIFICATION); // table 28-3
    if ((qualification & 0x3f) != 0) // MOV to CR0; a guest that sets CR4.VMXE gets what a CPU without VMX gives
        return EXIT_REFUSED;
    u64 *const registers[16] = {&vcpu->rax, &vcpu->rcx, &vcpu->rdx, &vcpu->rbx, NULL, &vcpu->rbp, &vcpu->rsi, &vcpu->rdi,
        &vcpu->r8, &vcpu->r9, &vcpu->r10, &vcpu->r11, &vcpu->r12, &vcpu->r13, &vcpu->r14, &vcpu->r15};
    const u64 *source = registers[qualification >> 8 & 15];
    const u64 value = source ? *source : vmread(GUEST_RSP);
    if ((value ^ vcpu->cr0) & (CR0_PG | CR0_PE))
        panic("the guest changes its paging together with CR0.NE, at RIP 0x%x", vcpu->rip);
    vmwrite(CR0_SHADOW, value);
    vmwrite(GUEST_CR0, value | CR0_NE);
    skip(vcpu);
    return EXIT_SKIPPED;
}

// TF makes the CPU trap after the instruction; interrupts wait so that it is this instruction. Not every CPU has the monitor trap
// flag.
static void step(struct vcpu *vcpu)
{
    if (is_stepping)
        return;
    is_stepping = true;
    flags_before_step = vcpu->rflags;
    vmwrite(GUEST_RFLAGS, (vcpu->rflags | RFLAGS_TF) & ~RFLAGS_IF);
    vmwrite(EXCEPTION_BITMAP, 1u << VECTOR_DB);
}

static void end_step(struct vcpu *vcpu)
{
    is_stepping = false;
    vmwrite(EXCEPTION_BITMAP, 0);
    vmwrite(GUEST_RFLAGS, (vcpu->rflags & ~(RFLAGS_TF | RFLAGS_IF)) | (flags_before_step & (RFLAGS_TF | RFLAGS_IF)));
}

static void run(struct vcpu *vcpu)
{
    struct exit *exit = &vcpu->exit;
    if (vmx_enter(vcpu, is_launched))
        panic("VM entry failed, instruction error %u", vmread(INSTRUCTION_ERROR)); // 31.4
    is_launched = true;
    read_state(vcpu);

    // An exit that came while the guest took an interrupt, NMI or exception: it takes it again. A software interrupt's
    // instruction runs again.
    const u64 event = vmread(VECTORING_EVENT), type = event >> 8 & 7;
    if (event & EVENT_VALID && type != 4 && type != 6) {
        vmwrite(ENTRY_EVENT_ERROR, vmread(VECTORING_EVENT_ERROR));
        vmwrite(ENTRY_EVENT, event & ~(1ull << 12)); // undefined there
    }

    exit->reason = vmread(EXIT_REASON) & 0xffff;
    exit->length = vmread(EXIT_LENGTH);
    switch (exit->reason) {
    case REASON_VMCALL:
        exit->kind = EXIT_HYPERCALL;
        break;
    case REASON_CPUID:
        exit->kind = EXIT_CPUID;
        break;
    case REASON_PORT: {
        const u64 qualification = vmread(EXIT_QUALIFICATION); // table 28-5
        exit->kind = EXIT_PORT;
        exit->port = (struct port_access){
            .number = qualification >> 16,
            .size = (qualification & 7) + 1,
            .is_in = qualification >> 3 & 1,
            .is_string = qualification >> 4 & 1,
        };
        break;
    }
    case REASON_XSETBV:
        exit->kind = EXIT_XSETBV;
        break;
    case REASON_EPT_VIOLATION:
        exit->kind = EXIT_NESTED_FAULT;
        exit->gpa = vmread(GUEST_PHYSICAL_ADDRESS);
        exit->is_write = vmread(EXIT_QUALIFICATION) & 2; // table 28-7
        break;
    case REASON_EXCEPTION: // of all exceptions, only #DB while stepping is asked for
        if (!is_stepping)
            panic("exception %u of the guest came here, and nobody asked for it", vmread(EXIT_EVENT) & 0xff);
        end_step(vcpu);
        exit->kind = EXIT_STEPPED;
        break;
    case REASON_CR:
        exit->kind = write_control_register(vcpu);
        break;
    case REASON_INVD: // without writing back, it would lose the VMM's memory too
        asm volatile("wbinvd" : : : "memory");
        skip(vcpu);
        exit->kind = EXIT_SKIPPED;
        break;
    case REASON_RDMSR: // of those that no bitmap covers; this CPU has none there
    case REASON_WRMSR:
        exit->kind = EXIT_REFUSED;
        break;
    case REASON_GETSEC:
    case REASON_VMCLEAR ... REASON_VMXON:
    case REASON_INVEPT:
    case REASON_INVVPID:
        exit->kind = EXIT_UNDEFINED;
        break;
    case REASON_TRIPLE_FAULT:
        exit->kind = EXIT_SHUTDOWN;
        break;
    case REASON_BAD_STATE:
        panic("VM entry refused the guest's state, qualification %u", vmread(EXIT_QUALIFICATION));
    default:
        exit->kind = EXIT_OTHER;
    }
}

static void inject(struct vcpu *vcpu, u8 vector, bool has_error, u32 error)
{
    (void)vcpu;
    vmwrite(ENTRY_EVENT_ERROR, error);
    vmwrite(ENTRY_EVENT, EVENT_VALID | EVENT_EXCEPTION | (has_error ? EVENT_HAS_ERROR : 0) | vector);
}

static void flush(void)
{
    const struct {
        u64 ept_pointer, zero;
    } descriptor = {ept_pointer, 0};
    asm volatile("invept %0, %1" : : "m"(descriptor), "r"(1ull) : "cc", "memory"); // 1: this EPT, SDM vol. 3, 31.3
}

// CR2 is not in the VMCS: the guest's is the CPU's.
const struct back_end vmx = {"VMX", "VMCALL", start, run, skip, inject, write_cr2, step, flush};
