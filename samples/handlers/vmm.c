// A VMM of your own, with three ways to the same functions: the vendor's instruction, a leaf of CPUID, a port. In long mode: a
// guest without it finds every virtual address absent. Two words go in, so the register layout is that of rig/ABI.md, "Ways":
//
//   instruction   RAX = number                    RBX, RCX in    RAX, RBX back
//   CPUID         EAX = number << 16 | 0x4711     RBX, RCX in    RAX, RBX back
//   IN, OUT       RAX = number, DX = 0x4711       RBX, RCX in    RAX, RBX back
#include "vmm.h"
#include "transfer.h"

#define LEAF 0x4711u
#define PORT 0x4711

// Intel SDM vol. 3A, 2.5 and 4.5; AMD APM vol. 2, 3.1 and 5.3
#define CR0_WP (1ull << 16)
#define CR0_PG (1ull << 31)
#define CR4_LA57 (1ull << 12)
#define EFER_LMA (1ull << 10)
#define PRESENT (1ull << 0)
#define WRITABLE (1ull << 1)
#define USER (1ull << 2)
#define ACCESSED (1ull << 5)
#define DIRTY (1ull << 6)
#define LARGE (1ull << 7)
#define ADDRESS 0x000ffffffffff000ull

static void *hc_map(u64 gpa, u32 length, bool write)
{
    (void)length;
    (void)write; // guest_page gives RAM alone: it may be written
    u8 *page = guest_page(gpa & ~(HC_PAGE - 1));
    return page ? page + gpa % HC_PAGE : NULL;
}

static void hc_unmap(void *bytes, u32 length)
{
    (void)bytes;
    (void)length;
}

static void hc_lock(void)
{
    lock_calls();
}

static void hc_unlock(void)
{
    unlock_calls();
}

static bool hc_walk(u64 gva, bool write, u64 *gpa)
{
    const struct vcpu *vcpu = this_vcpu();
    const unsigned depth = vcpu->cr4 & CR4_LA57 ? 5 : 4, unused = 64 - 12 - 9 * depth;
    const bool is_user = vcpu->cpl == 3, heeds_writable = write && (is_user || vcpu->cr0 & CR0_WP);
    u64 *entries[5], table = vcpu->cr3 & ADDRESS;
    unsigned seen = 0;
    if (!(vcpu->cr0 & CR0_PG) || !(vcpu->efer & EFER_LMA) || (u64)((int64_t)(gva << unused) >> unused) != gva)
        return false;

    for (unsigned level = depth; level >= 1; level--) {
        const unsigned shift = 12 + 9 * (level - 1);
        u64 *page = guest_page(table);
        if (!page)
            return false;
        u64 *entry = page + (gva >> shift & 511);
        const u64 value = hc_read_once(entry);
        if (!(value & PRESENT) || (is_user && !(value & USER)) || (heeds_writable && !(value & WRITABLE)))
            return false;
        entries[seen++] = entry;
        if (level == 1 || (level <= 3 && value & LARGE)) {
            const u64 size = 1ull << shift;
            *gpa = (value & ADDRESS & ~(size - 1)) | (gva & (size - 1));
            break;
        }
        table = value & ADDRESS;
    }

    // As the CPU does: the guest's kernel throws away a page that nobody has written, as it believes.
    for (unsigned i = 0; i < seen; i++)
        __atomic_fetch_or(entries[i], ACCESSED | (write && i + 1 == seen ? DIRTY : 0), __ATOMIC_SEQ_CST);
    return true;
}

// ---- Numbers, by name

struct function {
    const char *name;
    u64 (*run)(u64 rbx, u64 rcx);
};

static u64 number_of(u64 name, u64 unused);

#define ROW(function) {#function, function},
static const struct function functions[] = {{"get_vmmcall_number", number_of}, HC_FUNCTIONS(ROW)};
#define COUNT (sizeof functions / sizeof *functions)

// Function 0. RBX = GVA of a name with its NUL, 256 bytes at most. Its number, or 0.
static u64 number_of(u64 name, u64 unused)
{
    (void)unused;
    char text[256];
    for (unsigned i = 0; i < sizeof text; i++) {
        u64 gpa;
        const char *byte = hc_walk(name + i, false, &gpa) ? hc_map(gpa, 1, false) : NULL;
        if (!byte)
            return 0;
        text[i] = *(const volatile char *)byte;
        if (text[i])
            continue;
        for (unsigned n = 1; n < COUNT; n++)
            if (__builtin_strcmp(functions[n].name, text) == 0)
                return n;
        return 0;
    }
    return 0;
}

// ---- The ways

static void answer(u64 number)
{
    struct vcpu *vcpu = this_vcpu();
    const u64 mask = vcpu->is_64_bit_code ? ~0ull : 0xffffffff; // 32-bit code has low halves
    if (number >= COUNT) {
        vcpu->rax = 0;
        return;
    }
    const u64 done = functions[number].run(vcpu->rbx & mask, vcpu->rcx & mask);
    vcpu->rax = done & mask;
    if (number) // a look-up changes RAX alone
        vcpu->rbx = ~done & mask;
}

bool call_by_instruction(void)
{
    answer(this_vcpu()->is_64_bit_code ? this_vcpu()->rax : (u32)this_vcpu()->rax);
    return true;
}

bool call_by_cpuid(void)
{
    const u32 eax = (u32)this_vcpu()->rax;
    if ((eax & 0xffff) != LEAF)
        return false;
    answer(eax >> 16);
    return true;
}

bool call_by_port(u16 port, unsigned size, bool is_string)
{
    if (port != PORT || size != 4 || is_string)
        return false;
    return call_by_instruction();
}
