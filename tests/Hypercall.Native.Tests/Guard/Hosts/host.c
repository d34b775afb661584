// A C program beside a NativeAOT library that uses Hypercall, with signal handlers of its own. Its arguments are steps, done in their order:
//   load LIBRARY      dlopen
//   calls             two calls that fault, and a NullReferenceException
//   install           the host's handler, if it is not the first: chains to what it replaced, and saves that anew each time
//   insist            three times: the library looks, the host installs, both have faults
//   stress T N        the library's stress, while the host installs its handler over and over
//   wait              until the library would look after its guard
//   own               a fault of the host's own, which its handler ends by siglongjmp
//   blocked           a thread that blocks all signals makes calls
//   bare              a thread without a sigaltstack makes calls
//   block             blocks SIGILL, SIGSEGV and SIGBUS
//   no-action         a seccomp filter refuses sigaction for SIGILL and SIGBUS (without SIGSEGV no NativeAOT program starts)
//   no-mask           ... and sigprocmask
//   no-peek           ... and process_vm_readv
//   exec PROGRAM ...  becomes another program
//   foreign           an invalid opcode that is nobody's: SIGILL ends the process
// Exit codes: 1 something was wrong, 2 usage, 77 two handlers call each other for ever (78: and it could not be told).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int signals[] = { SIGILL, SIGSEGV, SIGBUS };
static struct sigaction before[65];
static __thread int depth;
static __thread sigjmp_buf *recovery;
static volatile int over;
static int (*fault)(int), (*null)(void), (*stress)(int, int);
static void (*wait_for_look)(void);

static void handle(int signal, siginfo_t *info, void *context)
{
    if (++depth > 100) {
        _exit(write(2, "LOOP\n", 5) == 5 ? 77 : 78);
    }
    if (recovery) {
        depth = 0;
        siglongjmp(*recovery, 1);
    }
    struct sigaction *next = &before[signal];
    if (next->sa_flags & SA_SIGINFO)
        next->sa_sigaction(signal, info, context);
    else if (next->sa_handler == SIG_DFL)
        sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
    depth--;
}

static int is_first(int signal)
{
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_sigaction == handle;
}

static void install(void)
{
    struct sigaction ours = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    for (int i = 0; i < 3; i++)
        if (!is_first(signals[i]))
            sigaction(signals[i], &ours, &before[signals[i]]);
}

static int calls(void)
{
    int invalid = fault(0), load = fault(1), caught = null();
    int right = invalid == 1 && load == 3 && caught == 42;
    if (!right)
        printf("WRONG: #UD %d, #PF %d, null %d\n", invalid, load, caught);
    return right ? 0 : 1;
}

static void *reinstall(void *nothing)
{
    while (!over) {
        install();
        sched_yield();
    }
    return nothing;
}

static int stress_while_reinstalling(int threads, int count)
{
    pthread_t thread;
    pthread_create(&thread, NULL, reinstall, NULL);
    int result = stress(threads, count);
    over = 1;
    pthread_join(thread, NULL);
    return result;
}

static int recover(void)
{
    sigjmp_buf here;
    recovery = &here;
    int recovered = sigsetjmp(here, 1);
    if (!recovered)
        *(volatile int *)8 = 1;
    recovery = NULL;
    printf("own fault %s\n", recovered ? "recovered" : "LOST");
    return !recovered;
}

static void *call_blocked(void *result)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    *(int *)result = fault(0) != 1 || fault(1) != 3 || null() != 42;
    return NULL;
}

static void *call_bare(void *result)
{
    stack_t none = { .ss_flags = SS_DISABLE };
    sigaltstack(&none, NULL);
    *(int *)result = calls();
    return NULL;
}

static int on_thread(void *(*body)(void *))
{
    pthread_t thread;
    int result = 1;
    pthread_create(&thread, NULL, body, &result);
    pthread_join(thread, NULL);
    return result;
}

static void block(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < 3; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

// Refuses a system call with EPERM; sigaction for two signals only.
static int refuse(int number)
{
    int is_action = number == SYS_rt_sigaction;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, is_action ? 4 : 1),
        is_action ? (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args))
                  : (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        is_action ? (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGILL, 1, 0)
                  : (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGBUS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    if (!library) {
        puts(dlerror());
        return 1;
    }
    fault = (int (*)(int))dlsym(library, "hypercall_fault");
    null = (int (*)(void))dlsym(library, "hypercall_null");
    stress = (int (*)(int, int))dlsym(library, "hypercall_stress");
    wait_for_look = (void (*)(void))dlsym(library, "hypercall_wait_for_look");
    return !fault || !null || !stress || !wait_for_look;
}

int main(int argc, char **steps)
{
    (void)argc;
    setvbuf(stdout, NULL, _IONBF, 0);
    int wrong = 0;
    for (char **step = steps + 1; *step && !wrong; step++) {
        if (!strcmp(*step, "load") && step[1])
            wrong = load(*++step);
        else if (!strcmp(*step, "calls"))
            wrong = calls();
        else if (!strcmp(*step, "install"))
            install();
        else if (!strcmp(*step, "insist"))
            for (int i = 0; i < 3 && !wrong; i++) {
                wait_for_look();
                wrong = calls();
                install();
                wrong |= calls();
            }
        else if (!strcmp(*step, "stress") && step[1] && step[2]) {
            wrong = stress_while_reinstalling(atoi(step[1]), atoi(step[2]));
            step += 2;
        } else if (!strcmp(*step, "own"))
            wrong = recover();
        else if (!strcmp(*step, "blocked"))
            wrong = on_thread(call_blocked);
        else if (!strcmp(*step, "bare"))
            wrong = on_thread(call_bare);
        else if (!strcmp(*step, "block"))
            block();
        else if (!strcmp(*step, "no-action"))
            wrong = refuse(SYS_rt_sigaction);
        else if (!strcmp(*step, "no-mask"))
            wrong = refuse(SYS_rt_sigprocmask);
        else if (!strcmp(*step, "no-peek"))
            wrong = refuse(SYS_process_vm_readv);
        else if (!strcmp(*step, "wait"))
            wait_for_look();
        else if (!strcmp(*step, "exec") && step[1]) {
            execvp(step[1], step + 1);
            wrong = 1;
        } else if (!strcmp(*step, "foreign")) {
            puts("dies of SIGILL");
            __asm__ volatile("ud2");
        } else
            return 2;
    }
    puts(wrong ? "WRONG" : "end");
    return wrong ? 1 : 0;
}
