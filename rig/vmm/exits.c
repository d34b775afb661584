#include "exits.h"

#include "call.h"
#include "cpu.h"
#include "layout.h"
#include "log.h"
#include "memory.h"
#include "nested.h"

u64 exit_counts[COUNTERS];

static void count(enum exit_kind kind)
{
    exit_counts[COUNT_ALL]++;
    switch (kind) {
    case EXIT_HYPERCALL:
        exit_counts[COUNT_HYPERCALLS]++;
        break;
    case EXIT_CPUID:
        exit_counts[COUNT_CPUID]++;
        break;
    case EXIT_NESTED_FAULT:
        exit_counts[COUNT_NESTED_FAULTS]++;
        break;
    default:
        exit_counts[COUNT_OTHERS]++;
    }
}

// The hardware's answer, but for the two bits that mirror CR4: the VMM's CR4 is in force while it asks.
static void answer_cpuid(struct vcpu *vcpu)
{
    const u32 leaf = (u32)vcpu->rax, subleaf = (u32)vcpu->rcx;
    struct cpuid r = cpuid(leaf, subleaf);
    if (leaf == 1)
        r.ecx = (r.ecx & ~(1u << 27)) | (vcpu->cr4 & CR4_OSXSAVE ? 1u << 27 : 0);
    if (leaf == 7 && subleaf == 0)
        r.ecx = (r.ecx & ~(1u << 4)) | (vcpu->cr4 & CR4_PKE ? 1u << 4 : 0); // OSPKE
    vcpu->rax = r.eax;
    vcpu->rbx = r.ebx;
    vcpu->rcx = r.ecx;
    vcpu->rdx = r.edx;
    back_end->skip(vcpu);
}

static void write_xcr(struct vcpu *vcpu)
{
    const u64 value = vcpu->rdx << 32 | (u32)vcpu->rax;
    struct cpuid supported = cpuid(0xd, 0);
    const bool is_sound = (u32)vcpu->rcx == 0 && vcpu->cpl == 0 && value & 1
        && (value & 6) != 4 // x87 always; AVX needs SSE: SDM vol. 1, 13.3
        && !(value & ~((u64)supported.edx << 32 | supported.eax));
    if (!is_sound) {
        back_end->inject(vcpu, VECTOR_GP, true, 0);
        return;
    }
    xsetbv(0, value);
    back_end->skip(vcpu);
}

// The guest itself wrote to what it sees as ROM: as on real ROM, nothing happens. Nobody decodes the instruction; it runs once
// with a page behind the address that is thrown away.
static void nested_fault(struct vcpu *vcpu)
{
    if (!vcpu->exit.is_write || memory_region(vcpu->exit.gpa) != REGION_ROM)
        panic("the guest touched GPA 0x%x, which nothing maps, at RIP 0x%x", vcpu->exit.gpa, vcpu->rip);
    nested_open_scratch();
    back_end->flush();
    back_end->step(vcpu);
}

// Nobody is at the port but calls: its other accesses find what an empty bus gives.
static void answer_port(struct vcpu *vcpu)
{
    const struct port_access *access = &vcpu->exit.port;
    if (access->is_string) { // it would need the guest's memory
        back_end->inject(vcpu, VECTOR_GP, true, 0);
        return;
    }
    if (access->is_in && access->size == 4)
        vcpu->rax = UINT32_MAX;
    else if (access->is_in)
        vcpu->rax |= (1ull << access->size * 8) - 1;
    back_end->skip(vcpu);
}

// An instruction that any CPU executes, with the mark of a call on it.
static void recognize_call(struct vcpu *vcpu)
{
    struct exit *exit = &vcpu->exit;
    const struct port_access *port = &exit->port;
    if (exit->kind == EXIT_HYPERCALL) {
        exit->way = WAY_INSTRUCTION;
    } else if (exit->kind == EXIT_CPUID && (u16)vcpu->rax == CALL_LEAF) {
        exit->kind = EXIT_HYPERCALL;
        exit->way = WAY_CPUID;
    } else if (exit->kind == EXIT_PORT && port->number == CALL_PORT && port->size == 4 && !port->is_string) {
        exit->kind = EXIT_HYPERCALL;
        exit->way = WAY_PORT;
    }
}

_Noreturn void handle_exits(struct vcpu *vcpu)
{
    for (;;) {
        back_end->run(vcpu);
        recognize_call(vcpu);
        count(vcpu->exit.kind);
        switch (vcpu->exit.kind) {
        case EXIT_HYPERCALL:
            answer_call(vcpu);
            break;
        case EXIT_CPUID:
            answer_cpuid(vcpu);
            break;
        case EXIT_PORT:
            answer_port(vcpu);
            break;
        case EXIT_NESTED_FAULT:
            nested_fault(vcpu);
            break;
        case EXIT_STEPPED:
            nested_close_scratch();
            back_end->flush();
            break;
        case EXIT_XSETBV:
            write_xcr(vcpu);
            break;
        case EXIT_UNDEFINED:
            back_end->inject(vcpu, VECTOR_UD, false, 0);
            break;
        case EXIT_REFUSED:
            back_end->inject(vcpu, VECTOR_GP, true, 0);
            break;
        case EXIT_SKIPPED:
            break;
        case EXIT_SHUTDOWN:
            panic("the guest's CPU shut down (triple fault) at RIP 0x%x, CR3 0x%x", vcpu->rip, vcpu->cr3);
        default:
            panic("%s exit %u (0x%x) at RIP 0x%x, which nobody asked for", back_end->name, vcpu->exit.reason, vcpu->exit.reason,
                vcpu->rip);
        }
    }
}
