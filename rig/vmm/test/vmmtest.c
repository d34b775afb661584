// A C client of the rig's VMM: every function of rig/ABI.md once or more. Runs in the guest as root, prints TAP, ends with 0 when
// all is well. It is the reference of what the ABI means; what the C# scenarios check is much more.
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE 4096ull
#define MINUS_ONE (~0ull)

static bool is_amd;
static int tests, failures;

// rig/ABI.md, "Ways"
#define CALL_LEAF 0x4711u
#define CALL_PORT 0x4711u
static enum { BY_INSTRUCTION, BY_CPUID, BY_IN, BY_OUT, WAYS } way_down;
static const char *const ways_down[] = {"", "CPUID: ", "IN: ", "OUT: "};

static void check(bool is_ok, const char *what)
{
    printf("%sok %d - %s%s\n", is_ok ? "" : "not ", ++tests, ways_down[way_down], what);
    failures += !is_ok;
}

static bool same(u64 is, u64 expected)
{
    if (is != expected)
        printf("# is 0x%llx, expected 0x%llx\n", (unsigned long long)is, (unsigned long long)expected);
    return is == expected;
}

// ---- calls

struct regs {
    u64 rax, rbx, rcx, rdx, rsi, rdi;
    u64 r8, r9, r10, r11, r12, r13, r14, r15, rbp;
};

// All registers in and out, so that one that the VMM loses shows. RBP too, hence assembly of its own.
void call_amd(struct regs *regs), call_intel(struct regs *regs), call_amd_traced(struct regs *regs),
    call_intel_traced(struct regs *regs), call_cpuid(struct regs *regs), call_in(struct regs *regs), call_out(struct regs *regs),
    call_in_byte(struct regs *regs);
extern const u8 at_amd[], at_intel[], at_cpuid[], at_in[], at_out[], behind_amd[], behind_intel[];
#define SAVE "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n push %rdi\n"
#define RESTORE "pop %rdi\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
#define LOAD                                                                                                     \
    "mov (%rdi), %rax\n mov 8(%rdi), %rbx\n mov 16(%rdi), %rcx\n mov 24(%rdi), %rdx\n mov 32(%rdi), %rsi\n"      \
    "mov 48(%rdi), %r8\n mov 56(%rdi), %r9\n mov 64(%rdi), %r10\n mov 72(%rdi), %r11\n mov 80(%rdi), %r12\n"     \
    "mov 88(%rdi), %r13\n mov 96(%rdi), %r14\n mov 104(%rdi), %r15\n mov 112(%rdi), %rbp\n mov 40(%rdi), %rdi\n"
#define STORE                                                                                                    \
    "push %rdi\n mov 8(%rsp), %rdi\n"                                                                            \
    "mov %rax, (%rdi)\n mov %rbx, 8(%rdi)\n mov %rcx, 16(%rdi)\n mov %rdx, 24(%rdi)\n mov %rsi, 32(%rdi)\n"      \
    "mov %r8, 48(%rdi)\n mov %r9, 56(%rdi)\n mov %r10, 64(%rdi)\n mov %r11, 72(%rdi)\n mov %r12, 80(%rdi)\n"     \
    "mov %r13, 88(%rdi)\n mov %r14, 96(%rdi)\n mov %r15, 104(%rdi)\n mov %rbp, 112(%rdi)\n pop 40(%rdi)\n"
#define LABEL(name) ".globl " #name "\n" #name ": "
#define CALL(name, instruction, before, at, behind) \
    asm(".text\n" LABEL(name) SAVE LOAD before LABEL(at) instruction "\n" LABEL(behind) STORE RESTORE "ret\n")
#define TRACE "pushfq\n orq $0x100, (%rsp)\n popfq\n" // TF: a trap after the next instruction
CALL(call_amd, "vmmcall", "", at_amd, behind_amd);
CALL(call_intel, "vmcall", "", at_intel, behind_intel);
CALL(call_amd_traced, "vmmcall", TRACE, at_amd_traced, behind_amd_traced);
CALL(call_intel_traced, "vmcall", TRACE, at_intel_traced, behind_intel_traced);
extern const u8 behind_amd_traced[], behind_intel_traced[];
CALL(call_cpuid, "cpuid", "", at_cpuid, behind_cpuid);
CALL(call_in, "in %dx, %eax", "", at_in, behind_in);
CALL(call_out, "out %eax, %dx", "", at_out, behind_out);
CALL(call_in_byte, "in %dx, %al", "", at_in_byte, behind_in_byte);

// The instruction of the way that is tried.
static const u8 *call_address(void)
{
    const u8 *const others[] = {NULL, at_cpuid, at_in, at_out};
    return way_down == BY_INSTRUCTION ? is_amd ? at_amd : at_intel : others[way_down];
}

// The same registers by each way; a way puts some of them elsewhere.
static void call(struct regs *regs)
{
    const struct regs sent = *regs;
    switch (way_down) {
    case BY_CPUID:
        regs->rax = sent.rax << 16 | CALL_LEAF;
        call_cpuid(regs);
        if (regs->rax == (sent.rax << 16 | CALL_LEAF))
            regs->rax = sent.rax;
        break;
    case BY_IN:
    case BY_OUT: // DX is the port, and R8 the third argument
        regs->r8 = sent.rdx;
        regs->rdx = 0xabcd00000000 | CALL_PORT;
        (way_down == BY_IN ? call_in : call_out)(regs);
        if (regs->rdx != (0xabcd00000000 | CALL_PORT))
            regs->rbp = ~sent.rbp; // whoever compares the rest of the registers sees it
        regs->rdx = regs->r8;
        regs->r8 = sent.r8;
        break;
    default:
        if (is_amd)
            call_amd(regs);
        else
            call_intel(regs);
    }
}

static bool may_touch = true;

static u64 number(const char *name)
{
    const volatile char *touched = name; // the VMM does not bring the page in
    if ((u64)name >> 47 == 0 && may_touch)
        (void)*touched;
    struct regs r = {.rbx = (u64)name};
    call(&r);
    return r.rax;
}

static struct regs invoke(const char *name, u64 rbx, u64 rcx, u64 rdx, u64 rsi, u64 rdi)
{
    u64 n = number(name);
    if (n < 1 || n > 127) {
        printf("Bail out! no function '%s' (%lld)\n", name, (long long)n);
        exit(9);
    }
    struct regs r = {.rax = n, .rbx = rbx, .rcx = rcx, .rdx = rdx, .rsi = rsi, .rdi = rdi};
    call(&r);
    return r;
}

// ---- faults

static sigjmp_buf escape;
static struct {
    int signal;
    u64 rip, address, error;
} fault;
static volatile int traps;
static volatile u64 first_trap;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    ucontext_t *c = context;
    if (signal == SIGTRAP) {
        if (traps++ == 0)
            first_trap = c->uc_mcontext.gregs[REG_RIP];
        c->uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
        return;
    }
    fault.signal = signal;
    fault.rip = c->uc_mcontext.gregs[REG_RIP];
    fault.address = (u64)info->si_addr;
    fault.error = c->uc_mcontext.gregs[REG_ERR];
    siglongjmp(escape, 1);
}

// The signal that the call ended with, or 0.
#define guarded(statement) (memset(&fault, 0, sizeof fault), sigsetjmp(escape, 1) ? fault.signal : ((void)(statement), 0))

// ---- memory

static u8 *pages(u64 count)
{
    u8 *p = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(p, count * PAGE, MADV_NOHUGEPAGE);
    return p;
}

static u8 *locked(u64 count)
{
    u8 *p = pages(count);
    memset(p, 1, count * PAGE);
    mlock(p, count * PAGE);
    return p;
}

static u64 gpa(const void *p)
{
    static int fd = -1;
    if (fd < 0)
        fd = open("/proc/self/pagemap", O_RDONLY);
    u64 entry = 0;
    if (pread(fd, &entry, 8, (u64)p / PAGE * 8) != 8 || !(entry >> 63))
        return 0;
    return (entry & ((1ull << 55) - 1)) * PAGE + (u64)p % PAGE;
}

// ---- streams

static u64 expected_hash, expected_sum;

static void expect(const u8 *bytes, u64 length)
{
    expected_hash = 0xcbf29ce484222325ull;
    expected_sum = 0;
    for (u64 i = 0; i < length; i++) {
        expected_hash = (expected_hash ^ bytes[i]) * 0x100000001b3ull;
        expected_sum += bytes[i];
    }
}

static u8 pattern(u8 key, u64 p)
{
    return key ^ p ^ p >> 8 ^ p >> 16;
}

static bool saw(u64 stream, u64 position)
{
    struct regs r = invoke("stream_read", stream, 0, 0, 0, 0);
    return same(r.rax, expected_hash) & same(r.rbx, position) & same(r.rcx, expected_sum);
}

static void fill(u8 *p, u64 length)
{
    for (u64 i = 0; i < length; i++)
        p[i] = (u8)(i * 7 + (i >> 8) * 3 + 1);
}

enum way { BY_GPA, BY_LIST, BY_GVA, BY_GVA_B };
static const char *const way_names[] = {"xfer_gpa", "xfer_list", "xfer_gva", "xfer_gva_b"};

// The whole buffer, however many calls that takes.
static u64 transfer(enum way way, u8 *p, u64 length, u64 rdx, u64 rsi)
{
    static u64 *list;
    u64 done = 0;
    if (way >= BY_GVA)
        return invoke(way_names[way], (u64)p, length, rdx, rsi, 0).rax;
    if (way == BY_LIST) {
        if (!list)
            list = (u64 *)locked(1);
        u64 first = (u64)p / PAGE, frames = ((u64)p % PAGE + length + PAGE - 1) / PAGE;
        list[0] = length | (u64)p % PAGE << 32;
        for (u64 i = 0; i < frames; i++)
            list[1 + i] = gpa((void *)((first + i) * PAGE)) / PAGE;
        return invoke("xfer_list", gpa(list), 8 + frames * 8, rdx, rsi, 0).rax;
    }
    while (done < length) {
        u64 n = PAGE - (u64)(p + done) % PAGE;
        n = n < length - done ? n : length - done;
        u64 r = invoke("xfer_gpa", gpa(p + done), n, rdx, rsi, 0).rax;
        done += r;
        if (r != n)
            break;
    }
    return done;
}

static void test_transfers(void)
{
    static const char *const direction_names[] = {"", "to the VMM", "from the VMM", "both ways"};
    static const u64 lengths[] = {0, 1, 100, 4095, 4096, 4097, 10000};
    u8 *p = locked(5), *copy = malloc(5 * PAGE);
    for (enum way way = BY_GPA; way <= BY_GVA_B; way++) {
        for (u64 direction = 1; direction <= 3; direction++) {
            bool is_ok = true;
            for (u64 i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
                const u64 length = lengths[i], offset = i * 611 % PAGE, stream = i % 16, key = 0x5a + i;
                memset(p, 0xee, 5 * PAGE);
                fill(p + offset, length);
                memcpy(copy, p, 5 * PAGE);
                expect(p + offset, direction & 1 ? length : 0);
                invoke("stream_reset", stream, 0, 0, 0, 0);
                is_ok &= same(transfer(way, p + offset, length, direction, key | stream << 8), length);
                is_ok &= saw(stream, length);
                for (u64 j = 0; j < length && direction & 2; j++)
                    copy[offset + j] = direction == 3 ? copy[offset + j] ^ (u8)key : pattern(key, j);
                is_ok &= memcmp(p, copy, 5 * PAGE) == 0;
            }
            char what[80];
            snprintf(what, sizeof what, "%s, %s", way_names[way], direction_names[direction]);
            check(is_ok, what);
        }
    }

    bool is_ok = true;
    for (enum way way = BY_GPA; way <= BY_GVA_B; way++) {
        if (way == BY_LIST)
            continue;
        const u64 address = way == BY_GPA ? gpa(p) : (u64)p;
        is_ok &= same(invoke(way_names[way], address, 10, 0, 0, 0).rax, MINUS_ONE);             // no direction
        is_ok &= same(invoke(way_names[way], address, 10, 4 | 1, 0, 0).rax, MINUS_ONE);         // unknown bits
        is_ok &= same(invoke(way_names[way], address, 10, 1, 1 << 12, 0).rax, MINUS_ONE);
        is_ok &= same(invoke(way_names[way], address, 10, 1ull << 63 | 1, 0, 0).rax, MINUS_ONE);
        is_ok &= same(invoke(way_names[way], address, (1ull << 30) + 1, 1, 0, 0).rax, MINUS_ONE); // too long
        is_ok &= same(invoke(way_names[way], address, 10, 0x31, 0, 0).rax, MINUS_ONE);          // no such way at a fault
    }
    is_ok &= same(invoke("xfer_gpa", gpa(p), 10, 0x11, 0, 0).rax, MINUS_ONE); // no faults there
    check(is_ok, "a transfer with bad arguments is refused");

    struct regs r = invoke("xfer_gva", (u64)p, 10, 1, 0, 77);
    check(
        same(r.rbx, (u64)p) & same(r.rcx, 10) & same(r.rdx, 1) & same(r.rsi, 0) & same(r.rdi, 77), "a transfer writes RAX only");

    check(same(invoke("xfer_gpa", 0xfee00000, 10, 1, 0, 0).rax, 0) & same(invoke("xfer_gpa", 1ull << 51, 10, 1, 0, 0).rax, 0),
        "a transfer stops at a hole");

    u64 *list = (u64 *)locked(1);
    list[0] = 5000 | 100ull << 32;
    list[1] = gpa(p) / PAGE;
    list[2] = gpa(p + PAGE) / PAGE;
    list[3] = gpa(p + 2 * PAGE) / PAGE;
    is_ok = same(invoke("xfer_list", gpa(list), 24, 1, 0, 0).rax, 5000);
    is_ok &= same(invoke("xfer_list", gpa(list), 32, 1, 0, 0).rax, MINUS_ONE); // a frame too many
    is_ok &= same(invoke("xfer_list", gpa(list), 16, 1, 0, 0).rax, MINUS_ONE);
    is_ok &= same(invoke("xfer_list", gpa(list), 23, 1, 0, 0).rax, MINUS_ONE);
    is_ok &= same(invoke("xfer_list", gpa(list), 0, 1, 0, 0).rax, MINUS_ONE);
    is_ok &= same(invoke("xfer_list", gpa(list) + PAGE - 16, 24, 1, 0, 0).rax, MINUS_ONE); // over the page's end
    is_ok &= same(invoke("xfer_list", 0xfee00000, 24, 1, 0, 0).rax, MINUS_ONE);
    list[2] = 0xfee00;
    is_ok &= same(invoke("xfer_list", gpa(list), 24, 1, 0, 0).rax, PAGE - 100);
    list[2] = MINUS_ONE;
    is_ok &= same(invoke("xfer_list", gpa(list), 24, 1, 0, 0).rax, PAGE - 100);
    list[0] = 10 | 4096ull << 32;
    is_ok &= same(invoke("xfer_list", gpa(list), 16, 1, 0, 0).rax, MINUS_ONE); // offset outside the first frame
    list[0] = 0;
    is_ok &= same(invoke("xfer_list", gpa(list), 8, 1, 0, 0).rax, 0);
    check(is_ok, "a malformed list is refused, and a hole in one stops it");

    u8 *full = locked(511);
    fill(full, 511 * PAGE);
    expect(full, 511 * PAGE);
    invoke("stream_reset", 3, 0, 0, 0, 0);
    check(same(transfer(BY_LIST, full, 511 * PAGE, 1, 3 << 8), 511 * PAGE) && saw(3, 511 * PAGE), "511 frames fill a page");
    munmap(full, 511 * PAGE);
}

static void test_faults(void)
{
    for (enum way way = BY_GVA; way <= BY_GVA_B; way++) {
        char what[100];
        u8 *p = pages(4);
        fill(p, 2 * PAGE);
        madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTNEED);
        invoke("stream_reset", 0, 0, 0, 0, 0);
        bool is_ok = same(invoke(way_names[way], (u64)p + 10, 3 * PAGE, 1, 0, 0).rax, 2 * PAGE - 10);
        expect(p + 10, 2 * PAGE - 10);
        snprintf(what, sizeof what, "%s stops at an absent page", way_names[way]);
        check(is_ok & saw(0, 2 * PAGE - 10), what);

        invoke("stream_reset", 0, 0, 0, 0, 0);
        is_ok = same(invoke(way_names[way], (u64)p, 4 * PAGE, 0x21, 0, 0).rax, 0);
        expect(p, 0);
        snprintf(what, sizeof what, "%s looks first, and does nothing", way_names[way]);
        check(is_ok & saw(0, 0), what);

        u8 *q = pages(64);
        invoke("stream_reset", 0, 0, 0, 0, 0);
        is_ok = same(invoke(way_names[way], (u64)q + 5, 64 * PAGE - 5, 0x12, 0x42, 0).rax, 64 * PAGE - 5);
        for (u64 i = 0; i < 64 * PAGE - 5; i++)
            is_ok = is_ok && q[5 + i] == pattern(0x42, i);
        snprintf(what, sizeof what, "%s has 64 absent pages brought in, each byte once", way_names[way]);
        check(is_ok && same(invoke("stream_read", 0, 0, 0, 0, 0).rbx, 64 * PAGE - 5), what);

        fill(q, 64 * PAGE);
        mprotect(q + PAGE, PAGE, PROT_READ);
        is_ok = same(invoke(way_names[way], (u64)q, 3 * PAGE, 2, 0, 0).rax, PAGE);
        is_ok &= same(invoke(way_names[way], (u64)q, 3 * PAGE, 1, 0, 0).rax, 3 * PAGE);
        snprintf(what, sizeof what, "%s writes up to a read-only page, and reads it", way_names[way]);
        check(is_ok, what);

        is_ok = same(guarded(invoke(way_names[way], (u64)q + 100, 3 * PAGE, 0x12, 0, 0)), SIGSEGV);
        is_ok &= same(fault.address, (u64)q + PAGE) & same(fault.error, 7) & same(fault.rip, (u64)call_address());
        is_ok &= same(guarded(invoke(way_names[way], 0x1008, 8, 0x11, 0, 0)), SIGSEGV) & same(fault.address, 0x1008)
            & same(fault.error, 4);
        is_ok &= same(guarded(invoke(way_names[way], 1ull << 62, 8, 0x11, 0, 0)), SIGSEGV) & same(fault.address, 0);
        snprintf(what, sizeof what, "%s lets the guest raise the fault at the instruction, with the address and error code",
            way_names[way]);
        check(is_ok, what);

        is_ok = same(invoke(way_names[way], 0xffffffff81000000ull, 8, 1, 0, 0).rax, 0);
        is_ok &= same(invoke(way_names[way], 1ull << 62, 8, 1, 0, 0).rax, 0)
            & same(invoke(way_names[way], -4096ull, 8192, 1, 0, 0).rax, 0);
        snprintf(what, sizeof what, "%s reads nothing that the caller may not", way_names[way]);
        check(is_ok, what);
        munmap(p, 4 * PAGE);
        munmap(q, 64 * PAGE);
    }
}

static void test_lookup(void)
{
    u64 boot = number("boot");
    check(boot == 1 && number("loadcfg") == 2 && number("loadcfg64") == 3, "boot, loadcfg and loadcfg64 are there");
    check(number("no such function") == 0 && number("") == 0 && number("get_vmmcall_number") == 0 && number("boo") == 0
            && number("boot ") == 0,
        "another name is not");

    u8 *p = pages(3);
    memset(p, 'x', PAGE);
    memcpy(p + PAGE - 5, "boot", 5);
    may_touch = false;
    bool is_ok = same(number((char *)p + PAGE - 5), 1);
    check(is_ok, "a name may end with its page, and the next page be absent");
    memcpy(p + PAGE - 2, "boot", 5);
    is_ok = same(number((char *)p + PAGE - 2), 1);
    check(is_ok, "a name may cross a page");
    madvise(p + PAGE, PAGE, MADV_DONTNEED);
    check(number((char *)p + PAGE - 2) == 0 && number((char *)p + PAGE) == 0, "a name in an absent page is not found");
    check(number((char *)0x1000) == 0 && number((char *)-4096ll) == 0 && number((char *)(1ull << 62)) == 0,
        "a name at a bad address is not found");
    may_touch = true;
    char longest[300];
    memset(longest, 'a', sizeof longest);
    check(number(longest) == 0, "a name without an end is not found");
    munmap(p, 3 * PAGE);
}

static void test_registers(void)
{
    const struct regs in = {0, 0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444, 0x5555555555555555,
        8, 9, 10, 11, 12, 13, 14, 15, 0xb9b9b9b9};
    struct regs r = in, e = in;
    r.rax = number("add");
    call(&r);
    e.rax = in.rbx + in.rcx + in.rdx + in.rsi + in.rdi;
    check(memcmp(&r, &e, sizeof r) == 0, "add");
    const u64 add = number("add");
    r = (struct regs){.rax = add, .rbx = add};
    call(&r);
    check(same(r.rax, add), "a result that is the number is a result");

    r = e = in;
    r.rax = number("mix");
    e.rbx = ~in.rbx;
    e.rcx = 0x4444444444444444;
    e.rdx = in.rdx ^ in.rsi;
    e.rsi = in.rdi;
    e.rdi = r.rax;
    e.rax = 0;
    call(&r);
    check(memcmp(&r, &e, sizeof r) == 0, "mix");

    r = in;
    r.rax = number("same");
    e = r;
    call(&r);
    check(memcmp(&r, &e, sizeof r) == 0, "same");

    r = in;
    r.rax = number("minus_one");
    call(&r);
    e.rax = MINUS_ONE;
    check(memcmp(&r, &e, sizeof r) == 0, "minus_one");

    r = e = in;
    r.rax = number("clobber");
    call(&r);
    e.rax = 0;
    e.rbx = 0xc10b000000000001;
    e.rcx = 0xc10b000000000002;
    e.rdx = 0xc10b000000000003;
    e.rsi = 0xc10b000000000004;
    e.rdi = 0xc10b000000000005;
    check(memcmp(&r, &e, sizeof r) == 0, "clobber");

    static const u64 unknown[] = {100, 127, 128, 0x100000001, 1ull << 63, MINUS_ONE};
    bool is_ok = true;
    for (u64 i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        r = e = in;
        if (way_down == BY_CPUID && unknown[i] >> 16)
            continue; // 16 bits hold the number there
        r.rax = unknown[i];
        e.rax = 0;
        call(&r);
        is_ok &= memcmp(&r, &e, sizeof r) == 0;
    }
    check(is_ok, "an unknown number gives 0");

    r = in;
    r.rax = 1;
    e = r;
    call(&r);
    check(memcmp(&r, &e, sizeof r) == 0, "boot is refused after boot: nothing changes");

    r = in;
    r.rax = number("add");
    e = in;
    e.rax = in.rbx + in.rcx + in.rdx + in.rsi + in.rdi;
    traps = 0;
    if (is_amd)
        call_amd_traced(&r);
    else
        call_intel_traced(&r);
    check(same(traps, 1) & same(first_trap, (u64)(is_amd ? behind_amd_traced : behind_intel_traced))
            & (memcmp(&r, &e, sizeof r) == 0),
        "a debugger steps over the instruction");

    r = in;
    int signal = guarded(is_amd ? call_intel(&r) : call_amd(&r));
    check(
        same(signal, SIGILL) & same(fault.rip, (u64)(is_amd ? at_intel : at_amd)), "the other vendor's instruction is undefined");
}

static void test_hold(void)
{
    u8 *p = locked(1);
    fill(p, PAGE);
    bool is_ok = same(invoke("hold", gpa(p) + 16, 1000, 255, 0, 0).rax, 0);
    struct regs r = invoke("held_read", 0, 0, 255, 0, 0);
    expect(p + 16, 1000);
    is_ok &= same(r.rax, expected_hash) & same(r.rcx, 1000);
    is_ok &= same(invoke("held_write", 0, 0, 255, 0x33, 0).rax, 1000);
    for (u64 i = 0; i < 1000; i++)
        is_ok = is_ok && p[16 + i] == pattern(0x33, i);
    is_ok &= same(p[15], (u8)(15 * 7 + 1)) & same(p[1016], (u8)(1016 * 7 + 3 * 3 + 1));
    is_ok &= same(invoke("hold", 0, 0, 255, 0, 0).rax, 0) & same(invoke("held_write", 0, 0, 255, 0, 0).rax, 0);
    is_ok &=
        same(invoke("hold", gpa(p), 10, 256, 0, 0).rax, MINUS_ONE) & same(invoke("held_write", 0, 0, 256, 0, 0).rax, MINUS_ONE);
    check(is_ok, "hold, held_write, held_read");
}

static void test_walk(void)
{
    u8 *p = locked(2);
    struct regs r = invoke("walk", (u64)p + 5, 0, 0, 0, 0);
    check(same(r.rax, 1) & same(r.rbx, gpa(p + 5)) & same(r.rcx, 7 | 1ull << 63) & same(r.rdx, PAGE) & same(r.rsi, 0),
        "walk: a writable page");
    mprotect(p, PAGE, PROT_READ | PROT_EXEC);
    r = invoke("walk", (u64)p, 0, 0, 0, 0);
    check(same(r.rax, 1) & same(r.rcx, 5), "walk: a page of code");
    r = invoke("walk", 0x1000, 0, 0, 0, 0);
    check(same(r.rax, 0) & same(r.rbx, 0) & same(r.rcx, 0) & same(r.rdx, 0) & same(r.rsi, 4), "walk: no page");
    r = invoke("walk", 0xffffffff81000000ull, 0, 0, 0, 0);
    check(r.rax == 0 || (same(r.rcx & 4, 0) & same(r.rsi, 5)), "walk: the kernel's page");
    int pool = open("/proc/sys/vm/nr_hugepages", O_WRONLY);
    bool has_pool = pool >= 0 && write(pool, "1", 1) == 1;
    u8 *huge = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (!has_pool || huge == MAP_FAILED) {
        printf("ok %d - walk: a large page # SKIP the kernel gave none\n", ++tests);
    } else {
        *(volatile u8 *)huge = 1;
        r = invoke("walk", (u64)huge + 0x12345, 0, 0, 0, 0);
        check(same(r.rax, 1) & same(r.rdx, 2 << 20) & same(r.rbx, gpa(huge + 0x12345)), "walk: a large page");
    }

    // The accessed bit: /proc/self/clear_refs clears it, a VMM's read sets it again.
    p = locked(1);
    int fd = open("/proc/self/clear_refs", O_WRONLY);
    bool is_cleared = fd >= 0 && write(fd, "1", 1) == 1;
    invoke("xfer_gva", (u64)p, 8, 1, 0, 0);
    char line[256], range[40];
    long referenced = -1;
    bool is_here = false;
    snprintf(range, sizeof range, "%llx-", (unsigned long long)p);
    FILE *smaps = fopen("/proc/self/smaps", "r");
    while (fgets(line, sizeof line, smaps)) {
        if (strncmp(line, range, strlen(range)) == 0)
            is_here = true;
        else if (is_here && sscanf(line, "Referenced: %ld", &referenced) == 1)
            break;
    }
    fclose(smaps);
    if (is_cleared && is_here)
        check(same(referenced, 4), "a read by the VMM sets the accessed bit");
    else
        printf("ok %d - a read by the VMM sets the accessed bit # SKIP no clear_refs or no mapping of its own\n", ++tests);
}

static void test_rom(void)
{
    struct regs r = invoke("vmm_memory", 0, 0, 0, 0, 0);
    const u64 rom = r.rbx, length = r.rcx;
    check(same(r.rax, 0) && rom && length >= PAGE, "vmm_memory");
    bool is_ok = same(invoke("rom_policy", 2, 0, 0, 0, 0).rax, 0) & same(invoke("rom_policy", 1, 0, 0, 0, 0).rax, 0);
    is_ok &= same(invoke("rom_policy", 3, 0, 0, 0, 0).rax, MINUS_ONE);
    const u64 refused = invoke("rom_policy", 2, 0, 0, 0, 0).rcx;
    is_ok &= same(invoke("xfer_gpa", rom + 100, 5000, 2, 0, 0).rax, 5000);
    r = invoke("rom_policy", 2, 0, 0, 0, 0);
    is_ok &= same(r.rax, 1) & same(r.rcx, refused + 2);
    check(is_ok, "a write to ROM counts as handled, when the policy is to go on");

    static u8 marker[PAGE];
    for (u64 i = 0; i < PAGE; i++)
        marker[i] = "HCRIGROM"[i % 8];
    expect(marker, 1000);
    invoke("stream_reset", 7, 0, 0, 0, 0);
    invoke("xfer_gpa", rom + length - PAGE, 1000, 1, 7 << 8, 0);
    check(saw(7, 1000), "ROM reads as the marker, and was not written");

    int fd = open("/dev/mem", O_RDWR);
    u8 *p = fd < 0 ? MAP_FAILED : mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, rom + length - 2 * PAGE);
    if (p == MAP_FAILED) {
        printf("ok %d - the guest itself sees ROM # SKIP /dev/mem: %s\n", ++tests, strerror(errno));
    } else {
        is_ok = memcmp(p, marker, PAGE) == 0 && memcmp(p + PAGE, marker, PAGE) == 0;
        const u64 faults = invoke("exits", 3, 0, 0, 0, 0).rax;
        for (u64 i = 0; i < 3; i++)
            *(volatile u64 *)(p + i * 8) = i;
        u8 *to = p + PAGE;
        const u8 *from = p;
        u64 count = 100;
        asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
        is_ok &= memcmp(p, marker, PAGE) == 0 && memcmp(p + PAGE, marker, PAGE) == 0 && count == 0 && to == p + PAGE + 100;
        is_ok &= invoke("exits", 3, 0, 0, 0, 0).rax >= faults + 4;
        check(is_ok, "the guest itself sees ROM, and its writes are dropped");
        is_ok = same(invoke("xfer_gva", (u64)p, 100, 2, 0, 0).rax, 100);
        check(is_ok && memcmp(p, marker, PAGE) == 0, "a write to ROM by its virtual address is refused, too");
    }
    check(same(invoke("rom_policy", 0, 0, 0, 0, 0).rax, 1), "rom_policy goes back to panic");
}

static void test_counters(void)
{
    const u64 calls = invoke("exits", 1, 0, 0, 0, 0).rax, cpuids = invoke("exits", 2, 0, 0, 0, 0).rax;
    u32 a, b, c, d;
    __cpuid(0, a, b, c, d);
    bool is_ok = same(invoke("exits", 2, 0, 0, 0, 0).rax, cpuids + 1);
    is_ok &= same(invoke("exits", 1, 0, 0, 0, 0).rax, calls + 6); // each with its look-up
    is_ok &= invoke("exits", 0, 0, 0, 0, 0).rax > calls + cpuids;
    is_ok &= same(invoke("exits", 5, 0, 0, 0, 0).rax, MINUS_ONE);
    check(is_ok, "exits");
}

static void test_status(void)
{
    u8 *p = pages(2);
    memset(p, 0, 2 * PAGE);
    struct regs r = invoke("get_status", (u64)p, PAGE, 0, 0, 0);
    const u64 length = r.rcx;
    check(same(r.rax, 0) && length > 20 && length < PAGE && strlen((char *)p) == length
            && strstr((char *)p, is_amd ? "SVM" : "VMX"),
        "get_status");
    r = invoke("get_status", (u64)p, length - 1, 0, 0, 0);
    check(same(r.rax, 1) & same(r.rcx, length), "get_status says how much it needs");
    r = invoke("get_status", (u64)p, length, 0, 0, 0);
    check(same(r.rax, 0) & same(r.rcx, length), "get_status fits exactly");
    madvise(p + PAGE, PAGE, MADV_DONTNEED);
    r = invoke("get_status", (u64)p + PAGE - 5, PAGE, 0, 0, 0);
    check(same(r.rax, 1) & same(r.rcx, length), "get_status does not write to an absent page");
    mprotect(p, PAGE, PROT_READ);
    r = invoke("get_status", (u64)p, PAGE, 0, 0, 0);
    check(same(r.rax, 1) & same(r.rcx, length), "get_status does not write to a read-only page");
    mprotect(p, PAGE, PROT_READ | PROT_WRITE);

    bool is_ok = same(invoke("status_mode", 2, 0, 0, 0, 0).rax, 0);
    for (u64 i = 1; i <= 5; i++) {
        r = invoke("get_status", (u64)p, length + (i < 4 ? i : 3) - 1, 0, 0, 0);
        is_ok &= same(r.rax, 1) & same(r.rcx, length + (i < 4 ? i : 3));
    }
    r = invoke("get_status", (u64)p, length + 3, 0, 0, 0);
    check(is_ok & same(r.rax, 0) & same(r.rcx, length + 3), "get_status grows three times");
    is_ok = same(invoke("status_mode", 1, 0, 0, 0, 0).rax, 2);
    r = invoke("get_status", (u64)p, 33, 0, 0, 0);
    check(is_ok & same(r.rax, number("get_status")) & same(r.rcx, 33), "get_status, disabled");
    invoke("status_mode", 0, 0, 0, 0, 0);
}

// A session: what the shell prints until it wants more keys than there are, or ends.
static bool session(const char *keys, char *output, u64 size)
{
    u64 length = 0, state = invoke("dbgsh", MINUS_ONE, 0, 0, 0, 0).rax;
    for (int i = 0; i < 10000; i++) {
        if (state == MINUS_ONE) {
            state = invoke("dbgsh", MINUS_ONE, 0, 0, 0, 0).rax;
        } else if (state == 0x10a) {
            invoke("dbgsh", 0, 0, 0, 0, 0);
            output[length] = 0;
            return true;
        } else if (state == 0) {
            if (!*keys)
                break;
            state = invoke("dbgsh", (u8)*keys++, 0, 0, 0, 0).rax;
        } else {
            if (length + 1 < size)
                output[length++] = (char)state;
            state = invoke("dbgsh", 0, 0, 0, 0, 0).rax;
        }
    }
    output[length] = 0;
    return false;
}

static void test_shell(void)
{
    char text[2048];
    bool is_ended = session("help\nfoo\nexit\n", text, sizeof text);
    check(is_ended && strstr(text, "> help\n") && strstr(text, "exit: ends the shell\n")
            && strstr(text, "foo: unknown command, try help\n> exit\n"),
        "dbgsh: help, an unknown command, exit");
    is_ended = session("stats\nexit\n", text, sizeof text);
    check(is_ended && strstr(text, "exits, hypercall"), "dbgsh: stats");
    u64 pending = invoke("dbgsh", MINUS_ONE, 0, 0, 0, 0).rax;
    check(same(pending, '>') & same(invoke("dbgsh", MINUS_ONE, 0, 0, 0, 0).rax, '>')
            & same(invoke("dbgsh", 0, 0, 0, 0, 0).rax, ' '),
        "dbgsh: a character stays until it is acknowledged");
    is_ended = session("exit\n", text, sizeof text);
    bool is_ok = is_ended & same(invoke("shell_mode", 1, 0, 0, 0, 0).rax, 0);
    is_ended = session("", text, sizeof text);
    check(is_ok && is_ended && strstr(text, "disabled"), "dbgsh, disabled, says so");
    check(same(invoke("shell_mode", 0, 0, 0, 0, 0).rax, 1) && session("exit\n", text, sizeof text) && strstr(text, "> exit\n"),
        "dbgsh, enabled again");
}

static void test_log(void)
{
    char words[] = "hello, ring\n"; // on the stack: a literal's page may be absent
    u32 *ring = (u32 *)locked(1);
    char *bytes = (char *)(ring + 1);
    memset(ring, 0, PAGE);
    struct regs r = invoke("log_set_buf", gpa(ring), 64, 0, 0, 0);
    check(same(r.rax, number("log_set_buf")) & same(invoke("log_write", (u64)words, 2, 0, 0, 0).rax, 2) & same(ring[0], 0),
        "log_set_buf from user space changes nothing");
    r = invoke("log_set_buf_user", gpa(ring), 64, 0, 0, 0);
    bool is_ok = same(r.rax, number("log_set_buf_user"));
    is_ok &= same(invoke("log_write", (u64)words, 12, 0, 0, 0).rax, 12) & same(ring[0], 12);
    check(is_ok && memcmp(bytes, "hello, ring\n", 12) == 0, "log_write reaches the ring");
    ring[0] = 0; // read
    static char text[257];
    memset(text, 'z', sizeof text);
    text[59] = 'y';
    is_ok = same(invoke("log_write", (u64)text, 256, 0, 0, 0).rax, 256) & same(ring[0], 60) & same(bytes[12], 'z')
        & same(bytes[11], 'y');
    check(is_ok & same(((char *)ring)[64], 0), "the ring wraps, and takes no more than it holds");
    check(
        same(invoke("log_write", (u64)text, 257, 0, 0, 0).rax, MINUS_ONE) & same(invoke("log_write", 0x1000, 5, 0, 0, 0).rax, 0),
        "log_write refuses");
    invoke("log_set_buf_user", 0, 0, 0, 0, 0);
    ring[0] = 0;
    invoke("log_write", (u64)words, 5, 0, 0, 0);
    check(same(ring[0], 0), "log_set_buf_user 0, 0 stops it");
}

// ---- 32-bit code, in this very process: CS 0x23 is Linux' __USER32_CS, 0x33 its __USER_CS

static u64 saved_rsp;
static struct {
    u32 offset;
    uint16_t selector;
} __attribute__((packed)) to_32 = {0, 0x23};

static struct regs call_32(u64 rax, u64 rbx, u64 rcx, u64 rdx, u64 rsi, u64 rdi)
{
    static u8 *code;
    if (!code) {
        code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        memcpy(code, (u8[]){0x0f, 0x01, is_amd ? 0xd9 : 0xc1, 0xea}, 4); // VMMCALL or VMCALL; JMP 0x33:code + 16
        *(u32 *)(code + 4) = (u32)(u64)code + 16;
        *(uint16_t *)(code + 8) = 0x33;
        memcpy(code + 16, (u8[]){0x41, 0xff, 0xe0}, 3); // JMP R8
        to_32.offset = (u32)(u64)code;
    }
    struct regs r = {.rax = rax, .rbx = rbx, .rcx = rcx, .rdx = rdx, .rsi = rsi, .rdi = rdi};
    asm volatile("mov %%rsp, %[saved]\n lea 1f(%%rip), %%r8\n ljmp *%[to]\n1: mov %[saved], %%rsp\n"
                 : "+a"(r.rax), "+b"(r.rbx), "+c"(r.rcx), "+d"(r.rdx), "+S"(r.rsi), "+D"(r.rdi), [saved] "+m"(saved_rsp)
                 : [to] "m"(to_32)
                 : "r8", "memory", "cc");
    return r;
}

static void test_32_bits(void)
{
    u8 *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    strcpy((char *)p, "boot");
    check(same(call_32(0, (u64)p, 0, 0, 0, 0).rax, 1), "32-bit code looks a name up");
    check(same(call_32(number("add"), 0xffffffff, 2, 0, 0, 0).rax, 1), "32-bit code adds in 32 bits");
    check(same(call_32(number("minus_one"), 0, 0, 0, 0, 0).rax, 0xffffffff), "32-bit code gets a 32-bit result");
    fill(p, 2 * PAGE);
    expect(p + 50, 5000);
    invoke("stream_reset", 1, 0, 0, 0, 0);
    check(same(call_32(number("xfer_gva"), (u64)p + 50, 5000, 1, 1 << 8, 0).rax, 5000) && saw(1, 5000),
        "32-bit code hands over a buffer");
}

static void measure(u64 count)
{
    struct timespec a, b;
    struct regs r = {0};
    const u64 n = number("add");
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (u64 i = 0; i < count; i++) {
        r.rax = n;
        call(&r);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("# %llu ns a call\n",
        (unsigned long long)((b.tv_sec - a.tv_sec) * 1000000000ull + b.tv_nsec - a.tv_nsec) / (unsigned long long)count);
}

// ---- calls at random, which the VMM and this process must survive

static u64 random_state = 1;

static u64 next_random(void) // xorshift64*, Vigna
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static u64 random_word(const u8 *buffer)
{
    static u64 buffer_gpa;
    if (!buffer_gpa)
        buffer_gpa = gpa(buffer);
    const u64 interesting[] = {0, 1, 2, 8, 0xfff, PAGE, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, 1ull << 47, 1ull << 52,
        1ull << 63, MINUS_ONE, (u64)buffer, (u64)buffer + 4090, buffer_gpa, 0xffffffff81000000, 0x8000000, 0xfee00000, 16, 24,
        0x11, 0x12, 0x21, 0x22, 3};
    const u64 r = next_random();
    switch (r & 3) {
    case 0:
        return next_random();
    case 1:
        return next_random() >> (r >> 8 & 63);
    default:
        return interesting[(r >> 8) % (sizeof interesting / sizeof interesting[0])];
    }
}

static void test_random(u64 count)
{
    // Those that write where they are told to, and what would change the rest of the run.
    static const char *const left_out[] = {
        "held_write", "log_set_buf_user", "log_write", "rom_policy", "status_mode", "shell_mode"};
    bool is_out[128] = {false};
    for (u64 i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        is_out[number(left_out[i])] = true;
    const u64 by_gpa = number("xfer_gpa"), by_list = number("xfer_list"), by_gva = number("xfer_gva"),
              by_gva_b = number("xfer_gva_b");
    const u64 get_status = number("get_status"), hold = number("hold");
    u8 *buffer = locked(8), *data = buffer + 3 * PAGE;
    invoke("rom_policy", 1, 0, 0, 0, 0);
    bool is_ok = true;
    for (u64 i = 0; i < count; i++) {
        struct regs r;
        for (u64 j = 0; j < sizeof r / 8; j++)
            ((u64 *)&r)[j] = random_word(data);
        r.rax = next_random() % 4 ? next_random() % 40 : random_word(data);
        if (r.rax < 128 && is_out[r.rax])
            continue;
        if (r.rax == by_gpa || r.rax == by_list) { // to the VMM only, and no gigabyte
            r.rdx &= ~2ull;
            r.rcx = next_random() % 2 ? r.rcx % (5 * PAGE) : r.rcx | 1ull << 31;
        }
        if (r.rax == by_gva || r.rax == by_gva_b) { // only its buffer, or nothing
            r.rbx = next_random() % 2 ? (u64)data + next_random() % PAGE : 1ull << 62 | r.rbx;
            r.rcx %= 3 * PAGE;
        }
        if (r.rax == get_status)
            r.rbx = (u64)data;
        if (r.rax == hold)
            r.rdx = 300;
        const struct regs in = r;
        guarded(call(&r));
        if (!fault.signal)
            is_ok &= r.r8 == in.r8 && r.r9 == in.r9 && r.r10 == in.r10 && r.r11 == in.r11 && r.r12 == in.r12 && r.r13 == in.r13
                && r.r14 == in.r14 && r.r15 == in.r15 && r.rbp == in.rbp;
    }
    for (int i = 0; i < 3 && invoke("dbgsh", MINUS_ONE, 0, 0, 0, 0).rax; i++)
        invoke("shell_mode", 0, 0, 0, 0, 0); // whatever the session was in the middle of
    is_ok &= same(invoke("add", 1, 2, 3, 4, 5).rax, 15);
    invoke("rom_policy", 0, 0, 0, 0, 0);
    char what[60];
    snprintf(what, sizeof what, "%llu calls at random", (unsigned long long)count);
    check(is_ok, what);
}

// The same functions by instructions that every CPU executes.
static void test_ways(void)
{
    struct regs r = {.rdx = CALL_PORT, .rbp = 7};
    check(same(guarded(call_in(&r)), SIGSEGV) & same(fault.rip, (u64)at_in), "the port needs permission");
    if (ioperm(CALL_PORT, 4, 1) != 0) {
        printf("Bail out! ioperm: %s\n", strerror(errno));
        exit(2);
    }
    r = (struct regs){.rax = 0x1122334455667788, .rdx = CALL_PORT, .rbp = 7};
    const struct regs expected = {.rax = 0x11223344556677ff, .rdx = CALL_PORT, .rbp = 7};
    call_in_byte(&r);
    check(memcmp(&r, &expected, sizeof r) == 0, "a byte of the port is nobody's");
    for (way_down = BY_CPUID; way_down < WAYS; way_down++) {
        test_lookup();
        test_registers();
        test_transfers();
        test_faults();
        test_counters();
        test_status();
        test_shell();
        test_log();
    }
    way_down = BY_INSTRUCTION;
}

// "": everything. no-vmm: as without one. hit-rom: makes the VMM panic. measure COUNT: time a call.
static int run(const char *what, const char *count)
{
    u32 a, b, c, d;
    __cpuid(0, a, b, c, d);
    is_amd = b == 0x68747541 || b == 0x6f677948; // "Auth", "Hygo"
    const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);

    static char boot[] = "boot";
    struct regs r = {.rbx = (u64)boot};
    int signal = guarded(call(&r));
    if (strcmp(what, "no-vmm") == 0) {
        check(same(signal, SIGILL), "without a VMM the instruction is undefined");
        return failures != 0;
    }
    if (signal) {
        printf("Bail out! no VMM: %s\n", strsignal(signal));
        return 2;
    }
    if (strcmp(what, "measure") == 0) {
        measure(count ? strtoull(count, NULL, 0) : 100000);
        return 0;
    }
    if (strcmp(what, "hit-rom") == 0) {
        r = invoke("vmm_memory", 0, 0, 0, 0, 0);
        invoke("xfer_gpa", r.rbx + PAGE, 8, 2, 0, 0);
        printf("not ok - the VMM went on after a write to its memory\n");
        return 1;
    }
    test_lookup();
    test_registers();
    test_transfers();
    test_faults();
    test_hold();
    test_walk();
    test_rom();
    test_counters();
    test_status();
    test_shell();
    test_log();
    test_32_bits();
    test_ways();
    test_random(is_amd ? 100000 : 20000);
    measure(is_amd ? 20000 : 2000);
    printf("1..%d\n# %d failed\n", tests, failures);
    return failures != 0;
}

// As /init of a guest it has nobody to prepare the machine, and ends it.
int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getpid() != 1)
        return run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : NULL);
    const char *what = argv[argc - 1]; // the kernel hands over words of its own, too
    if (strcmp(what, "hit-rom") != 0 && strcmp(what, "no-vmm") != 0)
        what = "";
    mkdir("/proc", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    const pid_t child = fork(); // the kernel logs every fault of process 1
    if (child == 0)
        exit(run(what, NULL));
    int status = -1;
    waitpid(child, &status, 0);
    printf("rig: done %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 9);
    tcdrain(STDOUT_FILENO); // the serial port still sends, and power off does not wait
    reboot(RB_POWER_OFF);
    return 1;
}
