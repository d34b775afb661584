// Functions that take bytes from a guest or give it bytes: a VMM's side of the techniques of docs/memory.md. MIT.
//
// To be included by one file of a VMM (bitvisor.c, bitvisor-2022.c, vmm.c), after the types u8, u32, u64 and bool. Rules:
//
// - Each function takes two words (RBX, RCX) and returns one (RAX): the bytes that are done, 0 to the length, or HC_FAILED when
//   the arguments make no sense; then nothing was done. On the guest's side that is TransferRule.BytesIn(GeneralRegister.Rax).
// - RBX = ~RAX comes back with it: a VMM that refuses a call leaves the number in RAX, which looks like a few bytes done, and one
//   that does not know the number leaves 0 there. The rule of README.md looks at both.
// - "Stop" means: return what is done so far. The guest sees how far it came.
// - Nothing that a guest gives is trusted: every length is bounded, no sum wraps, a word of the guest's memory is read once.
// - Memory is mapped a page at a time, so the length of a mapping is at most a page, and pages need not be adjacent.
// - A call ends: it handles HC_MOST bytes at most. A guest with more gives it in pieces (TransferOptions.BytesPerCall).

#define HC_PAGE 4096ull
#define HC_MOST (2ull << 20)      // bytes that one call handles
#define HC_PHYSICAL (1ull << 52)  // no CPU has physical addresses above: Intel SDM vol. 3A, 4.1.4; AMD APM vol. 2, 5.1
#define HC_FAILED (~0ull)

#ifndef HC_BOX
#define HC_BOX 65536u             // bytes that the example keeps
#endif

// ---- What the VMM does: the file that includes this one has these five.

// Bytes of one page of the guest's RAM; null where the guest has none: a hole, and for writing the VMM's own memory.
static void *hc_map(u64 gpa, u32 length, bool write);
static void hc_unmap(void *bytes, u32 length);

// Where a byte is by the guest's page table, with the rights of the code that calls. False: absent, or not to be touched so.
static bool hc_walk(u64 gva, bool write, u64 *gpa);

// Calls of several CPUs come at once.
static void hc_lock(void);
static void hc_unlock(void);

// ---- What is done with the bytes: a box that keeps what it is given, and gives it back. Put your own here.

static u8 hc_box[HC_BOX];
static u32 hc_box_start, hc_box_count;

// Takes bytes of the guest: how many it took; fewer make the call stop. The guest may change them meanwhile: copy, then look.
static u32 hc_take(const u8 *bytes, u32 length)
{
    hc_lock();
    const u32 room = HC_BOX - hc_box_count;
    const u32 n = length < room ? length : room;
    for (u32 i = 0; i < n; i++)
        hc_box[(hc_box_start + hc_box_count + i) % HC_BOX] = bytes[i];
    hc_box_count += n;
    hc_unlock();
    return n;
}

// Writes bytes into the guest's memory: how many it wrote; fewer make the call stop.
static u32 hc_give(u8 *bytes, u32 length)
{
    hc_lock();
    const u32 n = length < hc_box_count ? length : hc_box_count;
    for (u32 i = 0; i < n; i++)
        bytes[i] = hc_box[(hc_box_start + i) % HC_BOX];
    hc_box_start = (hc_box_start + n) % HC_BOX;
    hc_box_count -= n;
    hc_unlock();
    return n;
}

// ---- Pages

static inline u32 hc_in_page(u64 address, u64 length)
{
    const u64 room = HC_PAGE - address % HC_PAGE;
    return (u32)(length < room ? length : room);
}

// At most a page. How many bytes are done.
static u32 hc_piece(u64 gpa, u32 length, bool write)
{
    u8 *bytes = hc_map(gpa, length, write);
    if (!bytes)
        return 0;
    const u32 done = write ? hc_give(bytes, length) : hc_take(bytes, length);
    hc_unmap(bytes, length);
    return done;
}

// A word that the guest may change at any moment: read once.
static inline u64 hc_read_once(const void *word)
{
    typedef u64 __attribute__((may_alias)) aliasing;
    return *(const volatile aliasing *)word;
}

// ---- The techniques

// RBX = GPA, RCX = length: adjacent pages.
static u64 hc_contiguous(u64 gpa, u64 length, bool write)
{
    if (length > HC_PHYSICAL || gpa > HC_PHYSICAL - length)
        return HC_FAILED;
    if (length > HC_MOST)
        length = HC_MOST;
    u64 done = 0;
    while (done < length) {
        const u32 n = hc_in_page(gpa + done, length - done);
        const u32 did = hc_piece(gpa + done, n, write);
        done += did;
        if (did < n)
            break;
    }
    return done;
}

// RBX = GPA, RCX = length: inside one page. The guest makes a call for each.
static u64 hc_one_page(u64 gpa, u64 length, bool write)
{
    return length > HC_PAGE - gpa % HC_PAGE ? HC_FAILED : hc_contiguous(gpa, length, write);
}

// RBX = GPA of a list, RCX = its length in bytes; in one page. Hyper-V's GPA_RANGE:
//
//   u32 bytes | u32 offset into the first frame | u64 frame | u64 frame | ...     (RCX - 8) / 8 frames, as many as the range has
//
// A list that says another number of frames than it has is refused, so the list ends where its page does: 511 frames at most.
static u64 hc_list(u64 gpa, u64 list_length, bool write)
{
    if (gpa >= HC_PHYSICAL || gpa % 8 || list_length < 8 || list_length % 8 || list_length > HC_PAGE - gpa % HC_PAGE)
        return HC_FAILED;
    u8 *list = hc_map(gpa, (u32)list_length, false);
    if (!list)
        return HC_FAILED;

    const u64 head = hc_read_once(list), frames = list_length / 8 - 1;
    const u64 length = (u32)head, offset = head >> 32;
    const u64 needed = length ? (offset + length + HC_PAGE - 1) / HC_PAGE : 0;
    u64 done = offset < HC_PAGE && frames == needed ? 0 : HC_FAILED;
    if (done == 0) {
        for (u64 i = 0; i < frames; i++) {
            const u64 frame = hc_read_once(list + 8 + 8 * i), start = i ? 0 : offset;
            const u32 n = hc_in_page(start, length - done);
            const u32 did = frame < HC_PHYSICAL / HC_PAGE ? hc_piece(frame * HC_PAGE + start, n, write) : 0;
            done += did;
            if (did < n)
                break;
        }
    }
    hc_unmap(list, (u32)list_length);
    return done;
}

// RBX = GVA, RCX = length: a walk for each page, not for each byte.
static u64 hc_virtual(u64 gva, u64 length, bool write)
{
    if (gva && length > 0 - gva) // it wraps
        return HC_FAILED;
    if (length > HC_MOST)
        length = HC_MOST;
    u64 done = 0;
    while (done < length) {
        const u32 n = hc_in_page(gva + done, length - done);
        u64 gpa;
        if (!hc_walk(gva + done, write, &gpa))
            break;
        const u32 did = hc_piece(gpa, n, write);
        done += did;
        if (did < n)
            break;
    }
    return done;
}

// ---- The functions, by name. Two for each technique, so that three registers are enough.

static u64 hc_add(u64 rbx, u64 rcx) { return rbx + rcx; } // registers alone
static u64 hc_put_contiguous(u64 rbx, u64 rcx) { return hc_contiguous(rbx, rcx, false); }
static u64 hc_get_contiguous(u64 rbx, u64 rcx) { return hc_contiguous(rbx, rcx, true); }
static u64 hc_put_page(u64 rbx, u64 rcx) { return hc_one_page(rbx, rcx, false); }
static u64 hc_get_page(u64 rbx, u64 rcx) { return hc_one_page(rbx, rcx, true); }
static u64 hc_put_list(u64 rbx, u64 rcx) { return hc_list(rbx, rcx, false); }
static u64 hc_get_list(u64 rbx, u64 rcx) { return hc_list(rbx, rcx, true); }
static u64 hc_put_virtual(u64 rbx, u64 rcx) { return hc_virtual(rbx, rcx, false); }
static u64 hc_get_virtual(u64 rbx, u64 rcx) { return hc_virtual(rbx, rcx, true); }

#define HC_FUNCTIONS(F) \
    F(hc_add) \
    F(hc_put_contiguous) F(hc_get_contiguous) \
    F(hc_put_page) F(hc_get_page) \
    F(hc_put_list) F(hc_get_list) \
    F(hc_put_virtual) F(hc_get_virtual)
