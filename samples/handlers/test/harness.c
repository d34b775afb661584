// Calls the functions of one VMM's file with random and with hostile arguments, and compares with a model that goes byte by byte.
// Compiled with the file (-DHANDLERS="..."), by ../check.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include HANDLERS

#define FAIL(...) (printf(__VA_ARGS__), printf("\nat call %lu of seed %lu\n", (ulong_)calls, (ulong_)seed), exit(1))
typedef unsigned long ulong_;
static u64 seed, calls;

// ---- The machine: pages of the guest in memory of their own each, so that a byte beside one is found by AddressSanitizer.

enum { PAGES = 24, TABLES = 4, VMM_PAGES = 3, WINDOW = 64 };
#define RAM_AT 0x100000ull
#define VMM_AT 0x200000ull // the VMM's own memory: to the guest it is a ROM of zeros
#define TABLES_AT 0x300000ull
#define GVA 0x7f1200000000ull // of WINDOW pages
#define ADDRESS_BITS 40

static u8 *ram[PAGES], *vmm[VMM_PAGES], *tables[TABLES];
static u8 device[4096]; // what a VMM like BitVisor maps at any other address
static int locked;

static u8 *page_at(u64 gpa)
{
    if (gpa >= RAM_AT && gpa < RAM_AT + PAGES * 4096ull)
        return ram[(gpa - RAM_AT) / 4096];
    if (gpa >= TABLES_AT && gpa < TABLES_AT + TABLES * 4096ull)
        return tables[(gpa - TABLES_AT) / 4096];
    return NULL;
}

// The guest's page table: 4 levels, one table each. Entry i of the last one is the page GVA + i * 4096.
static u64 *entry_of(unsigned i)
{
    return (u64 *)(void *)tables[3] + i;
}

static void build_tables(void)
{
    for (unsigned level = 0; level < 3; level++) {
        const u64 index = GVA >> (39 - 9 * level) & 511;
        memset(tables[level], 0, 4096);
        ((u64 *)(void *)tables[level])[index] = (TABLES_AT + (level + 1) * 4096) | 7;
    }
    memset(tables[3], 0, 4096);
}

// ---- Its VMM

static bool is_user;

#ifdef BITVISOR
static int mapped;
static u64 reg_rax, reg_rbx, reg_rcx;
static char *names[32];
static void (*functions_[32])(void);
static unsigned count_;
extern void (*const init_function)(void);

static void read_general(enum general_reg reg, ulong *value)
{
    *value = reg == GENERAL_REG_RAX ? reg_rax : reg == GENERAL_REG_RBX ? reg_rbx : reg_rcx;
}

static void write_general(enum general_reg reg, ulong value)
{
    if (reg != GENERAL_REG_RAX && reg != GENERAL_REG_RBX)
        FAIL("wrote a register that is neither RAX nor RBX");
    *(reg == GENERAL_REG_RAX ? &reg_rax : &reg_rbx) = value;
}

static void read_control(enum control_reg reg, ulong *value)
{
    *value = reg == CONTROL_REG_CR0 ? 0x80010001 : reg == CONTROL_REG_CR3 ? TABLES_AT : 0x20;
}

static void read_sreg(enum sreg sreg, u16 *value)
{
    (void)sreg;
    *value = is_user ? 0x33 : 0x10;
}

static bool read_msr(u32 index, u64 *value)
{
    *value = index == MSR_IA32_EFER ? 0xd01 : 0;
    return false;
}

static struct vcpu vcpu_ = {
    .vmctl = {read_general, write_general, read_control, read_sreg, read_msr},
    .pte_addr_mask = ((1ull << ADDRESS_BITS) - 1) & ~4095ull,
};
struct vcpu *current = &vcpu_;

void spinlock_init(spinlock_t *lock) { lock->is_held = false; }
void spinlock_lock(spinlock_t *lock)
{
    if (lock->is_held)
        FAIL("deadlock");
    lock->is_held = true;
    locked++;
}
void spinlock_unlock(spinlock_t *lock)
{
    lock->is_held = false;
    locked--;
}

static bool is_vmm(u64 gpa)
{
    return gpa >= VMM_AT && gpa < VMM_AT + VMM_PAGES * 4096ull;
}

static void *map(u64 address, uint length, int flags)
{
    if (address >> ADDRESS_BITS)
        FAIL("VMM PANIC: mapped 0x%lx, which is above what the CPU addresses", (ulong_)address);
    if (length == 0 || address % 4096 + length > 4096)
        FAIL("mapped %u bytes at 0x%lx", length, (ulong_)address);
    if (is_vmm(address) && flags & MAPMEM_WRITE) {
        if (!(flags & MAPMEM_CANFAIL))
            FAIL("VMM PANIC: a write mapping of its own memory");
        return NULL;
    }
    u8 *page = is_vmm(address) ? vmm[(address - VMM_AT) / 4096] : page_at(address & ~4095ull);
    mapped++;
    return (page ? page : device) + address % 4096;
}

const struct mm_as *gmm_arch_current_as(void) { return NULL; }
void *mapmem_as(const struct mm_as *as, u64 address, uint length, int flags) { return as ? NULL : map(address, length, flags); }
void *mapmem_gphys(u64 address, uint length, int flags) { return map(address, length, flags); }
void unmapmem(void *bytes, uint length)
{
    if (!bytes || !length)
        FAIL("unmapped nothing");
    mapped--;
}

enum vmmerr cpu_mmu_get_pte(ulong virt, ulong cr0, ulong cr3, ulong cr4, u64 efer, bool write, bool user, bool exec,
    u64 entries[5], int *levels)
{
    (void)cr0, (void)cr4, (void)efer, (void)exec, (void)levels;
    if (cr3 != TABLES_AT)
        FAIL("another page table");
    if (virt < GVA || virt >= GVA + WINDOW * 4096ull)
        return VMMERR_PAGE_NOT_PRESENT;
    u64 *entry = entry_of((virt - GVA) / 4096);
    if (!(*entry & 1) || (user && !(*entry & 4)) || (write && !(*entry & 2)))
        return VMMERR_PAGE_NOT_PRESENT;
    if (*entry & 0xffffffffff000 & ~vcpu_.pte_addr_mask) // reserved bits
        return VMMERR_PAGE_NOT_PRESENT;
    *entry |= 0x20 | (write ? 0x40 : 0);
    entries[0] = *entry;
    return VMMERR_SUCCESS;
}

void vmmcall_arch_read_arg(uint order, ulong *value) { *value = order == 0 ? reg_rax : order == 1 ? reg_rbx : reg_rcx; }
void vmmcall_arch_write_arg(uint order, ulong value) { write_general(order == 1 ? GENERAL_REG_RBX : GENERAL_REG_RCX, value); }
void vmmcall_arch_write_ret(ulong value) { reg_rax = value; }
bool vmmcall_arch_caller_user(void) { return is_user; }
void vmmcall_register(char *name, void (*function)(void))
{
    names[count_] = name;
    functions_[count_++] = function;
}

static u64 call(const char *name, u64 rbx, u64 rcx)
{
    for (unsigned i = 0; i < count_; i++) {
        if (strcmp(names[i], name) == 0) {
            reg_rax = i, reg_rbx = rbx, reg_rcx = rcx;
            functions_[i]();
            if (reg_rbx != ~reg_rax)
                FAIL("%s: RBX is not ~RAX", name);
            if (mapped || locked)
                FAIL("%s left %d pages mapped and %d locks held", name, mapped, locked);
            return reg_rax;
        }
    }
    FAIL("nobody registered %s", name);
}
#else
static struct vcpu vcpu_ = {.cr0 = 0x80010001, .cr3 = TABLES_AT, .cr4 = 0x20, .efer = 0xd01, .is_64_bit_code = true};

struct vcpu *this_vcpu(void) { return &vcpu_; }
void *guest_page(u64 gpa)
{
    if (gpa % 4096)
        FAIL("asked for the page at 0x%lx", (ulong_)gpa);
    return page_at(gpa);
}
void lock_calls(void)
{
    if (locked++)
        FAIL("deadlock");
}
void unlock_calls(void) { locked--; }

static u64 number_of_(const char *name)
{
    strcpy((char *)ram[0], name);
    *entry_of(0) = RAM_AT | 5;
    vcpu_.cpl = 3;
    vcpu_.rax = 0, vcpu_.rbx = GVA, vcpu_.rcx = 0;
    call_by_instruction();
    return vcpu_.rax;
}

// By one way after the other.
static u64 call(const char *name, u64 rbx, u64 rcx)
{
    static struct {
        const char *name;
        u64 number;
    } known[32];
    static unsigned count_;
    unsigned at = 0;
    while (at < count_ && strcmp(known[at].name, name))
        at++;
    if (at == count_) {
        u8 page[4096];
        const u64 entry = *entry_of(0), before = vcpu_.cpl;
        memcpy(page, ram[0], sizeof page);
        known[count_].name = name, known[count_].number = number_of_(name), count_++;
        memcpy(ram[0], page, sizeof page);
        *entry_of(0) = entry;
        vcpu_.cpl = before;
        if (!known[at].number)
            FAIL("no function is called %s", name);
    }
    vcpu_.cpl = is_user ? 3 : 0;
    vcpu_.rbx = rbx, vcpu_.rcx = rcx;
    const u64 number = known[at].number;
    bool is_answered;
    switch (calls % 3) {
    case 0:
        vcpu_.rax = number;
        is_answered = call_by_instruction();
        break;
    case 1:
        vcpu_.rax = 0xdead000000004711 | number << 16; // CPUID does not look at the upper half
        is_answered = call_by_cpuid();
        break;
    default:
        vcpu_.rax = number;
        is_answered = call_by_port(0x4711, 4, false);
        break;
    }
    if (!is_answered || locked || vcpu_.rbx != ~vcpu_.rax || vcpu_.rcx != rcx)
        FAIL("%s: not answered, or it changed RCX, or RBX is not ~RAX, or it held its lock", name);
    return vcpu_.rax;
}
#endif

// ---- The model: a byte at a time, and a box of its own

static u8 shadow[PAGES][4096], box[HC_BOX];
static u64 box_start, box_count;

// Where the model has a byte; null where the call has to stop.
static u8 device_byte;
static u8 *model_byte(u64 gpa, bool write)
{
    if (gpa >= RAM_AT && gpa < RAM_AT + PAGES * 4096ull)
        return &shadow[(gpa - RAM_AT) / 4096][gpa % 4096];
#ifdef BITVISOR
    if (gpa >> ADDRESS_BITS)
        return NULL;
    static u8 zero;
    if (is_vmm(gpa))
        return write ? NULL : &zero; // the VMM's own memory reads as zeros
    return &device_byte; // it cannot know
#else
    (void)write;
    return NULL;
#endif
}

static bool model_walk(u64 gva, bool write, u64 *gpa)
{
    if (gva < GVA || gva >= GVA + WINDOW * 4096ull)
        return false;
    const u64 entry = *entry_of((gva - GVA) / 4096);
    if (!(entry & 1) || (is_user && !(entry & 4)) || (write && !(entry & 2)))
        return false;
    *gpa = (entry & 0xffffffffff000) | gva % 4096;
    return true;
}

static bool model_do(u8 *byte, bool write)
{
    if (!byte)
        return false;
    if (write) {
        if (!box_count)
            return false;
        const u8 value = box[box_start++ % HC_BOX];
        box_count--;
        if (byte != &device_byte)
            *byte = value;
        return true;
    }
    if (box_count == HC_BOX)
        return false;
    box[(box_start + box_count++) % HC_BOX] = byte == &device_byte ? device[0] : *byte;
    return true;
}

static u64 model_word(u64 gpa, bool *is_there)
{
    u64 value = 0;
    *is_there = true;
    for (unsigned i = 0; i < 8; i++) {
        const u8 *byte = model_byte(gpa + i, false);
        *is_there = *is_there && byte;
        value |= byte ? (u64)(byte == &device_byte ? device[0] : *byte) << 8 * i : 0;
    }
    return value;
}

enum technique { CONTIGUOUS, ONE_PAGE, LIST, VIRTUAL, TECHNIQUES };
#define WRAPS(start, length) ((start) + (length) < (start) && (start) + (length) != 0)

static u64 model(enum technique technique, bool write, u64 rbx, u64 rcx)
{
    u64 done = 0, gpa;
    switch (technique) {
    case ONE_PAGE:
        if (rcx > 4096 || (rbx & 4095) + rcx > 4096)
            return ~0ull;
        /* fall through */
    case CONTIGUOUS:
        if (rcx > 1ull << 52 || rbx > 1ull << 52 || rbx + rcx > 1ull << 52)
            return ~0ull;
        while (done < rcx && done < 2 << 20 && model_do(model_byte(rbx + done, write), write))
            done++;
        return done;
    case VIRTUAL:
        if (WRAPS(rbx, rcx))
            return ~0ull;
        while (done < rcx && done < 2 << 20 && model_walk(rbx + done, write, &gpa) && model_do(model_byte(gpa, write), write))
            done++;
        return done;
    default: {
        bool is_there;
        if (rbx >= 1ull << 52 || rbx & 7 || rcx & 7 || rcx < 8 || rcx > 4096 || (rbx & 4095) + rcx > 4096)
            return ~0ull;
        const u64 head = model_word(rbx, &is_there), length = (u32)head, offset = head >> 32;
        if (!is_there || offset > 4095 || rcx / 8 - 1 != (length ? (offset + length - 1) / 4096 + 1 : 0))
            return ~0ull;
        for (u64 frame = 0; done < length; done++) {
            const u64 at = offset + done;
            if (done == 0 || at % 4096 == 0)
                frame = model_word(rbx + 8 + 8 * (at / 4096), &is_there);
            if (frame >= 1ull << 40 || !model_do(model_byte(frame * 4096 + at % 4096, write), write))
                break;
        }
        return done;
    }
    }
}

// ---- Chance

static u64 state;
static u64 any(void) // xorshift64*
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}
static u64 below(u64 n) { return (any() >> 3) % n; }

static u64 hostile(void)
{
    static const u64 words[] = {0, 1, 7, 8, 16, 4088, 4095, 4096, 4097, 1ull << 32, (1ull << 32) - 1, 1ull << 40,
        (1ull << 40) - 4096, 1ull << 47, 1ull << 52, (1ull << 52) - 1, (1ull << 52) - 8, (1ull << 52) - 4096, 1ull << 63, ~0ull,
        ~0ull - 7, ~0ull - 4095, VMM_AT, VMM_AT - 3, VMM_AT + VMM_PAGES * 4096ull - 1, RAM_AT,
        RAM_AT + PAGES * 4096ull - 5, RAM_AT - 1, GVA, GVA - 1,
        GVA + WINDOW * 4096ull - 9, 0xffff800000000000ull, 0x800000000000ull, 0x80000000, 0xfee00000, 511 * 8 + 8, 512 * 8 + 8};
    return words[below(sizeof words / sizeof *words)] + (below(4) ? 0 : below(3) - 1);
}

static u64 ram_frame(void)
{
    switch (below(24)) {
    case 0:
        return (VMM_AT >> 12) + below(VMM_PAGES);
    case 1:
        return hostile();
    default:
        return (RAM_AT >> 12) + below(PAGES);
    }
}

// A list at the start of a page, or near its end; mostly a sound one.
static void write_list(u64 *rbx, u64 *rcx)
{
    const u64 page = below(PAGES), length = below(5) ? below(5 * 4096) : below(3), offset = below(4096);
    const u64 frames = length ? (offset + length + 4095) / 4096 : 0, size = 8 + 8 * frames;
    const u64 at = below(3) ? 0 : (4096 - size) & ~7ull;
    u64 words[8] = {(below(30) ? length : hostile() & 0xffffffff) | (below(30) ? offset : hostile() & 0xffffffff) << 32};
    for (u64 i = 0; i < frames; i++)
        words[1 + i] = ram_frame();
    memcpy(ram[page] + at, words, size);
    memcpy(shadow[page] + at, words, size);
    *rbx = RAM_AT + page * 4096 + at;
    *rcx = below(20) ? size : below(2) ? size + 8 : hostile();
}

static void compare(const char *name, u64 rbx, u64 rcx, u64 got, u64 wanted)
{
    if (got != wanted)
        FAIL("%s(0x%lx, 0x%lx) = 0x%lx, and the model has 0x%lx", name, (ulong_)rbx, (ulong_)rcx, (ulong_)got, (ulong_)wanted);
    if (hc_box_count != box_count)
        FAIL("%s: %u bytes in the box, and the model has %lu", name, hc_box_count, (ulong_)box_count);
    for (unsigned i = 0; i < PAGES; i++)
        if (memcmp(ram[i], shadow[i], 4096))
            FAIL("%s(0x%lx, 0x%lx): page %u differs from the model's", name, (ulong_)rbx, (ulong_)rcx, i);
    for (unsigned i = 0; i < VMM_PAGES; i++)
        for (unsigned b = 0; b < 4096; b++)
            if (vmm[i][b])
                FAIL("%s(0x%lx, 0x%lx) wrote the VMM's own memory", name, (ulong_)rbx, (ulong_)rcx);
}

static void one_call(void)
{
    static const char *const names_[TECHNIQUES][2] = {
        {"hc_put_contiguous", "hc_get_contiguous"},
        {"hc_put_page", "hc_get_page"},
        {"hc_put_list", "hc_get_list"},
        {"hc_put_virtual", "hc_get_virtual"},
    };
    for (unsigned i = 0; i < WINDOW; i++) { // of one page in eight something is missing
        static const u64 rights[] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 5, 3, 1, 0, 6};
        *entry_of(i) = (ram_frame() << 12 & 0xffffffffff000) | rights[below(24)];
    }
    for (unsigned i = 0; i < 64; i++) {
        const u64 page = below(PAGES), at = below(4096);
        ram[page][at] = shadow[page][at] = (u8)any();
    }
    memset(device, (int)below(256), sizeof device);
    is_user = below(4) != 0;

    const enum technique technique = (enum technique)below(TECHNIQUES);
    const bool write = below(2);
    u64 rbx, rcx;
    if (technique == LIST) {
        write_list(&rbx, &rcx);
    } else {
        rbx = technique == VIRTUAL ? GVA + below(WINDOW * 4096ull) : RAM_AT + below(PAGES * 4096ull);
        rcx = technique == ONE_PAGE ? below(4097 - rbx % 4096) : below(2) ? below(6 * 4096) : below(300);
    }
    if (below(8) == 0)
        rbx = hostile();
    if (below(8) == 0)
        rcx = hostile();
    u64 entries_before[WINDOW];
    memcpy(entries_before, entry_of(0), sizeof entries_before);

    const char *name = names_[technique][write];
    const u64 got = call(name, rbx, rcx);
    u64 marked = 0; // accessed and dirty bits: the model walks the same tables
    for (unsigned i = 0; i < WINDOW; i++)
        marked += *entry_of(i) != entries_before[i];
    if (technique != VIRTUAL && marked)
        FAIL("%s walked the guest's page table", name);
    if (technique == VIRTUAL && got && got != ~0ull && rbx >= GVA) {
        const u64 bits = 0x20 | (write ? 0x40 : 0), entry = *entry_of((rbx - GVA) / 4096);
        if ((entry & bits) != bits)
            FAIL("%s did not mark the page as %s", name, write ? "written" : "read");
    }
    const u64 wanted = model(technique, write, rbx, rcx);
    compare(name, rbx, rcx, got, wanted);
    const u64 a = any(), b = any();
    if (call("hc_add", a, b) != a + b)
        FAIL("hc_add");
}

static void named_cases(void)
{
    // One that did not bound its list panicked on these.
    if (call("hc_put_list", 0, 4096) != ~0ull && model_byte(0, false) == NULL)
        FAIL("a list of 511 frames at 0");
    u64 head = 8192ull | 4096ull << 32; // offset 4096
    memcpy(ram[1], &head, 8);
    if (call("hc_put_list", RAM_AT + 4096, 8 + 8 * 3) != ~0ull)
        FAIL("an offset of a page was taken");
    head = 0;
    memcpy(ram[1], &head, 8);
    if (call("hc_put_list", RAM_AT + 4096, 8) != 0 || call("hc_put_contiguous", RAM_AT, 0) != 0
        || call("hc_get_virtual", 0, 0) != 0)
        FAIL("no bytes are 0 bytes done");
#ifndef BITVISOR
    const u64 put_page = number_of_("hc_put_page");
    vcpu_.is_64_bit_code = false;
    vcpu_.rax = 0, vcpu_.rbx = 1, vcpu_.rcx = 0;
    if (!call_by_instruction() || vcpu_.rax != 0)
        FAIL("a name that is nowhere has a number");
    vcpu_.rax = 0xffffffff00000000ull | put_page, vcpu_.rbx = RAM_AT | 1ull << 40, vcpu_.rcx = 5000;
    if (!call_by_instruction() || vcpu_.rax != 0xffffffff)
        FAIL("32-bit code: %lx", (ulong_)vcpu_.rax);
    vcpu_.is_64_bit_code = true;
    if (call_by_port(0x4711, 1, false) || call_by_port(0x4711, 4, true) || call_by_port(0x4712, 4, false))
        FAIL("a port that is not ours was answered");
    vcpu_.rax = 0x14710;
    if (call_by_cpuid())
        FAIL("a leaf that is not ours was answered");
    vcpu_.rax = 127;
    if (!call_by_instruction() || vcpu_.rax != 0)
        FAIL("an unknown number is 0");
    memset(ram[0], 'a', 4096); // no NUL
    *entry_of(0) = RAM_AT | 7;
    vcpu_.rax = 0, vcpu_.rbx = GVA + 3900, vcpu_.rcx = 0;
    if (!call_by_instruction() || vcpu_.rax != 0)
        FAIL("a name without an end has a number");
#endif
    memset(shadow, 0, sizeof shadow);
    for (unsigned i = 0; i < PAGES; i++)
        memset(ram[i], 0, 4096);
    box_count = hc_box_count, box_start = hc_box_start;
    memcpy(box, hc_box, sizeof box);
}

int main(int count, char **arguments)
{
    seed = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
    const u64 total = count > 2 ? strtoull(arguments[2], NULL, 0) : 20000;
    state = seed * 0x9e3779b97f4a7c15ull | 1;
    for (unsigned i = 0; i < PAGES; i++)
        ram[i] = calloc(1, 4096);
    for (unsigned i = 0; i < VMM_PAGES; i++)
        vmm[i] = calloc(1, 4096);
    for (unsigned i = 0; i < TABLES; i++)
        tables[i] = calloc(1, 4096);
    build_tables();
#ifdef BITVISOR
    init_function();
#endif
    named_cases();
    for (; calls < total; calls++)
        one_call();
    printf("%lu calls agree with the model, seed %lu\n", (ulong_)total, (ulong_)seed);
}
