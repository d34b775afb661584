// The debug shell. One session for the whole guest.
//
//   in, RBX:   -1 nothing   1..255 a key   0x100 the NUL key   0 "I took the character"
//   out, RAX:  -1 nothing yet   0 the shell wants a key   1..255, 0x100 (NUL) a character   0x10A the shell ended
#include "../call.h"
#include "../log.h"

#define NOTHING MINUS_ONE
#define TAKEN 0
#define NUL 0x100
#define ENDED 0x10a

static bool is_disabled, is_started;
static char line[256];
static unsigned line_length;

// What is to be said before the shell wants a key again. A character stays until it is acknowledged.
static u64 answers[2048];
static unsigned first, count;

static void say(u64 answer)
{
    if (count < array_length(answers))
        answers[(first + count++) % array_length(answers)] = answer;
}

static u64 drop(void)
{
    const u64 answer = answers[first];
    first = (first + 1) % array_length(answers);
    count--;
    return answer;
}

static void print(const char *text)
{
    for (; *text; text++)
        say((u8)*text);
}

static void start(void)
{
    is_started = true;
    line_length = 0;
    if (!is_disabled) {
        print("> ");
        return;
    }
    print("The shell is disabled by the VMM's configuration.\n");
    say(ENDED);
}

static void execute(const char *command)
{
    char text[1024];
    if (same_text(command, "exit")) {
        say(ENDED);
        return;
    }
    if (same_text(command, "help")) {
        print("help: prints this\nstats: what the VMM did so far\nexit: ends the shell\n");
    } else if (same_text(command, "stats")) {
        status_text(text, sizeof text);
        print(text);
    } else if (*command) {
        format(text, sizeof text, "%s: unknown command, try help\n", command);
        print(text);
    }
    print("> ");
}

static void press(u64 key)
{
    if (key == '\r')
        key = '\n'; // what a terminal's Enter sends when nobody translates it
    say(key); // the echo
    if (key == '\b' || key == 0x7f) {
        line_length -= line_length > 0;
        return;
    }
    if (key != '\n') {
        if (line_length + 1 < sizeof line)
            line[line_length++] = key == NUL ? '?' : (char)key;
        return;
    }

    while (line_length && line[line_length - 1] == ' ')
        line_length--;
    line[line_length] = 0;
    line_length = 0;
    const char *command = line;
    while (*command == ' ')
        command++;
    say(NOTHING); // a shell has to think
    execute(command);
}

static void receive(u64 sent)
{
    const bool is_key = (sent >= 1 && sent <= 0xff) || sent == NUL;
    if (sent == TAKEN && count && answers[first] != NOTHING)
        is_started = drop() != ENDED;
    else if (is_key && count == 0)
        press(sent);
}

void dbgsh(struct call *call)
{
    const u64 minus_one = call->vcpu->is_64_bit_code ? MINUS_ONE : UINT32_MAX;
    if (!is_started)
        start();
    receive(call->rbx == minus_one ? NOTHING : call->rbx);
    call->rax = count ? answers[first] : 0;
    if (count && answers[first] == NOTHING)
        drop(); // said once, and nobody acknowledges it
}

void shell_mode(struct call *call)
{
    const u64 wanted = call->rbx;
    call->rax = MINUS_ONE;
    if (wanted > 1)
        return;
    call->rax = is_disabled;
    is_disabled = wanted;
    is_started = false; // another configuration, another session
    count = 0;
}
