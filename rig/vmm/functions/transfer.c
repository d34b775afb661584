// The ways to hand over memory: contiguous, by a list of frames, by virtual address page by page, and byte by byte.
#include "../call.h"
#include "../cpu.h"
#include "../memory.h"
#include "../walk.h"
#include "stream.h"

// RDX
#define TO_VMM 1u
#define FROM_VMM 2u
#define DIRECTIONS 3u
enum at_fault {
    STOP,
    INJECT, // #PF, and the instruction runs again
    LOOK_FIRST,
};

// RSI
#define KEY 0xffull
#define STREAM_SHIFT 8
#define STREAM_MASK 0xfull

// GPA_RANGE, as Hyper-V has it (TLFS, HvCall... and VMBus' vmbus_gpa_range)
struct frame_list {
    u32 length, offset;
    u64 frames[];
};
#define MOST_FRAMES 511

struct transfer {
    struct call *call;
    struct stream *stream;
    u8 key;
    bool reads, writes;
    enum at_fault at_fault;
};

// False: RAX says so, nothing else is to be done.
static bool begin(struct transfer *transfer, struct call *call, bool is_virtual)
{
    const u64 direction = call->rdx & DIRECTIONS, at_fault = call->rdx >> 4 & 3;
    const u64 known = is_virtual ? 0x33 : DIRECTIONS;
    const bool is_sound = direction != 0 && at_fault <= LOOK_FIRST && !(call->rdx & ~known)
        && !(call->rsi & ~(KEY | STREAM_MASK << STREAM_SHIFT)) && call->rcx <= LONGEST_TRANSFER;
    if (!is_sound) {
        call->rax = MINUS_ONE;
        return false;
    }
    *transfer = (struct transfer){
        .call = call,
        .stream = &streams[call->rsi >> STREAM_SHIFT & STREAM_MASK],
        .key = (u8)call->rsi,
        .reads = direction & TO_VMM,
        .writes = direction & FROM_VMM,
        .at_fault = (enum at_fault)at_fault,
    };
    return true;
}

// Bytes of one page. False: a hole, and nothing was done.
static bool handle_page(struct transfer *transfer, u64 gpa, u64 length)
{
    const u8 *from = memory_to_read(gpa);
    if (!from)
        return false;
    u8 *to = NULL;
    if (transfer->writes && memory_to_write(gpa, transfer->call->name, &to) == WRITE_REFUSED)
        to = NULL; // handled, not written

#ifdef BREAK_SHORT_COPY
    if (length > 1)
        length--;
#endif
    struct stream *stream = transfer->stream;
    for (u64 i = 0; i < length; i++, stream->position++) {
        const u8 byte = from[i];
        if (transfer->reads) {
            stream->hash = fnv(stream->hash, byte);
            stream->sum += byte;
        }
        if (to)
            to[i] = transfer->reads ? byte ^ transfer->key : pattern(transfer->key, stream->position);
    }
    return true;
}

static u64 handle_contiguous(struct transfer *transfer, u64 gpa, u64 length)
{
    u64 done = 0;
    while (done < length) {
        const u64 n = up_to_page_end(gpa + done, length - done);
        if (!handle_page(transfer, gpa + done, n))
            break;
        done += n;
    }
    return done;
}

void xfer_gpa(struct call *call)
{
    struct transfer transfer;
    if (begin(&transfer, call, false))
        call->rax = handle_contiguous(&transfer, call->rbx, call->rcx);
}

void xfer_list(struct call *call)
{
    struct transfer transfer;
    const u64 list_length = call->rcx;
    if (!begin(&transfer, call, false))
        return;

    call->rax = MINUS_ONE;
    const struct frame_list *given = (const struct frame_list *)memory_to_read(call->rbx);
    if (list_length < sizeof *given || list_length % 8 || (call->rbx & PAGE_MASK) + list_length > PAGE_SIZE || !given)
        return;

    // Copied first: the transfer may write into the very page that the list lies in.
    static struct {
        struct frame_list list;
        u64 frames[MOST_FRAMES];
    } copy;
    memcpy(&copy, given, list_length);
    const u64 length = copy.list.length, offset = copy.list.offset;
    const u64 frames = (list_length - sizeof *given) / 8;
    const u64 needed = length ? (offset + length + PAGE_MASK) / PAGE_SIZE : 0;
    if (offset >= PAGE_SIZE || frames != needed)
        return;

    u64 done = 0;
    for (u64 i = 0; i < frames; i++) {
        const u64 start = i ? 0 : offset;
        const u64 n = up_to_page_end(start, length - done);
        const u64 frame = copy.frames[i];
        if (frame >> 52 || !handle_page(&transfer, frame * PAGE_SIZE + start, n))
            break;
        done += n;
    }
    call->rax = done;
}

// Is this part of the buffer there? Otherwise the first walk that failed, and the offset of the byte that it failed at.
static struct walk look(const struct transfer *transfer, u64 start, u64 end, u64 *at)
{
    const struct call *call = transfer->call;
    struct walk walk = {.fault = WALK_DONE};
    for (*at = start; *at < end; *at += up_to_page_end(call->rbx + *at, end - *at)) {
        walk = walk_probe(call->vcpu, caller_address(call, call->rbx + *at), transfer->writes);
        if (walk.fault != WALK_DONE)
            break;
    }
    return walk;
}

// Nothing is handled before every page is there: what was done before a fault would be done twice.
// True: a fault is on its way to the guest, which brings the page in and runs the instruction again.
static bool inject_for_absent_page(const struct transfer *transfer)
{
#ifdef BREAK_NO_PF
    return false;
#endif
    struct call *call = transfer->call;
    struct vcpu *vcpu = call->vcpu;

    // Pages come in one by one, each with a call: begin where the last one was missing, or n pages need n * n / 2 walks.
    static struct {
        u64 cr3, rip, start, length, seen;
    } last;
    if (last.cr3 != vcpu->cr3 || last.rip != vcpu->rip || last.start != call->rbx || last.length != call->rcx) {
        last.cr3 = vcpu->cr3;
        last.rip = vcpu->rip;
        last.start = call->rbx;
        last.length = call->rcx;
        last.seen = 0;
    }
    u64 at;
    struct walk walk = look(transfer, last.seen, call->rcx, &at);
    if (walk.fault == WALK_DONE)
        walk = look(transfer, 0, last.seen, &at); // some may have gone again
    last.seen = walk.fault == WALK_DONE ? 0 : at;
    if (walk.fault == WALK_DONE)
        return false;

    if (walk.fault == WALK_NOT_CANONICAL) {
        back_end->inject(vcpu, VECTOR_GP, true, 0);
    } else {
        back_end->set_cr2(caller_address(call, call->rbx + at));
        back_end->inject(vcpu, VECTOR_PF, true, walk.error);
    }
    return true;
}

static void transfer_virtual(struct call *call, bool is_byte_wise)
{
    struct transfer transfer;
    if (!begin(&transfer, call, true))
        return;
    if (transfer.at_fault == INJECT && inject_for_absent_page(&transfer)) {
        call->runs_again = true;
        return;
    }
    u64 at;
    if (transfer.at_fault == LOOK_FIRST && look(&transfer, 0, call->rcx, &at).fault != WALK_DONE) {
        call->rax = 0;
        return;
    }

    u64 done = 0;
    while (done < call->rcx) {
        const u64 address = caller_address(call, call->rbx + done);
        const u64 n = is_byte_wise ? 1 : up_to_page_end(address, call->rcx - done);
        const struct walk walk = walk_access(call->vcpu, address, transfer.writes);
        if (walk.fault != WALK_DONE || !handle_page(&transfer, walk.gpa, n))
            break;
        done += n;
    }
    call->rax = done;
}

void xfer_gva(struct call *call)
{
    transfer_virtual(call, false);
}

void xfer_gva_b(struct call *call)
{
    transfer_virtual(call, true);
}
