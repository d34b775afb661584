#include "call.h"

#include "cpu.h"
#include "log.h"
#include "memory.h"
#include "walk.h"

#define LONGEST_NAME 256 // with its NUL

// The number is the place. 0 to 3 are the ABI's; of the others only the names are.
const struct function functions[] = {
    {"get_vmmcall_number", get_vmmcall_number},
    {"boot", do_nothing}, // refused after boot, and this VMM boots the guest by itself
    {"loadcfg", do_nothing},
    {"loadcfg64", do_nothing},
    {"add", add},
    {"mix", mix},
    {"same", do_nothing},
    {"minus_one", minus_one},
    {"clobber", clobber},
    {"xfer_gpa", xfer_gpa},
    {"xfer_list", xfer_list},
    {"xfer_gva", xfer_gva},
    {"xfer_gva_b", xfer_gva_b},
    {"stream_reset", stream_reset},
    {"stream_read", stream_read},
    {"hold", hold},
    {"held_write", held_write},
    {"held_read", held_read},
    {"walk", walk_function},
    {"vmm_memory", vmm_memory},
    {"rom_policy", rom_policy_function},
    {"exits", exits},
    {"get_status", get_status},
    {"status_mode", status_mode},
    {"dbgsh", dbgsh},
    {"shell_mode", shell_mode},
    {"log_set_buf", log_set_buf},
    {"log_set_buf_user", log_set_buf_user},
    {"log_write", log_write},
};
const unsigned function_count = array_length(functions);

void do_nothing(struct call *call)
{
    (void)call;
}

void get_vmmcall_number(struct call *call)
{
    char name[LONGEST_NAME];
    u64 length = 0;
    bool has_end = false;
    while (length < sizeof name && !has_end) { // the page behind the NUL need not be there
        if (read_virtual(call, call->rbx + length, name + length, 1) != 1)
            break;
        has_end = name[length++] == 0;
    }

    call->rax = 0;
    for (unsigned i = 1; has_end && i < function_count; i++)
        if (same_text(name, functions[i].name))
            call->rax = i;
#ifdef BREAK_NAME_OFF_BY_ONE
    if (call->rax)
        call->rax++;
#endif
}

u64 read_virtual(struct call *call, u64 gva, void *to, u64 length)
{
    u64 done = 0;
    while (done < length) {
        const u64 address = caller_address(call, gva + done);
        const u64 n = up_to_page_end(address, length - done);
        const struct walk walk = walk_access(call->vcpu, address, false);
        const u8 *bytes = walk.fault == WALK_DONE ? memory_to_read(walk.gpa) : NULL;
        if (!bytes)
            break;
        memcpy((u8 *)to + done, bytes, n);
        done += n;
    }
    return done;
}

u64 write_virtual(struct call *call, u64 gva, const void *from, u64 length)
{
    u64 done = 0;
    while (done < length) {
        const u64 address = caller_address(call, gva + done);
        const u64 n = up_to_page_end(address, length - done);
        const struct walk walk = walk_access(call->vcpu, address, true);
        if (walk.fault != WALK_DONE)
            break;
        u8 *bytes;
        const enum write_answer answer = memory_to_write(walk.gpa, call->name, &bytes);
        if (answer == WRITE_HOLE)
            break;
        if (answer == WRITE_ALLOWED)
            memcpy(bytes, (const u8 *)from + done, n);
        done += n;
    }
    return done;
}

void answer_call(struct vcpu *vcpu)
{
    const u64 mask = vcpu->is_64_bit_code ? ~0ull : UINT32_MAX;
    const bool by_port = vcpu->exit.way == WAY_PORT;
    struct call call = {
        .vcpu = vcpu,
        .number = vcpu->exit.way == WAY_CPUID ? vcpu->rax >> 16 & 0xffff : vcpu->rax & mask,
        .rax = vcpu->rax & mask,
        .rbx = vcpu->rbx & mask,
        .rcx = vcpu->rcx & mask,
        .rdx = !by_port ? vcpu->rdx & mask : vcpu->is_64_bit_code ? vcpu->r8 : 0, // DX is the port
        .rsi = vcpu->rsi & mask,
        .rdi = vcpu->rdi & mask,
    };
    const struct call before = call;
    if (call.number < function_count) {
        call.name = functions[call.number].name;
        functions[call.number].run(&call);
    } else {
        call.rax = 0;
    }
    if (call.runs_again)
        return;

    // A register that the function did not write keeps its upper half too.
#define write_back_to(target, name)       \
    if (call.name != before.name)         \
        vcpu->target = call.name & mask
#define write_back(name) write_back_to(name, name)
    write_back(rax);
    write_back(rbx);
#ifdef BREAK_WRONG_REGISTER
    if (call.rcx != before.rcx)
        vcpu->rdx = call.rcx & mask;
#else
    write_back(rcx);
    if (by_port) {
        write_back_to(r8, rdx);
    } else {
        write_back(rdx);
    }
#endif
    write_back(rsi);
    write_back(rdi);
#undef write_back
#undef write_back_to
    back_end->skip(vcpu);
}
