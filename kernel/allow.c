// SPDX-License-Identifier: GPL-2.0
/*
 * Which calls may be made: those of the list that was compiled in, always; and those of the parameter `allow`, unless the kernel
 * is locked down (kernel_lockdown(7)): then even root is not to change what the kernel's memory holds, and a VMM can.
 */
#define pr_fmt(format) KBUILD_MODNAME ": " format

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "internal.h"
#include "parse.h"

#ifndef HYPERCALL_ALLOW
#define HYPERCALL_ALLOW ""
#endif

static struct allow_list compiled;

/* A new list is made in the one that no call reads. Writers hold the lock of the module's parameters. */
static struct allow_list lists[2];
static struct allow_list __rcu *current_list = RCU_INITIALIZER(&lists[0]);

static int allow_set(const char *text, const struct kernel_param *parameter)
{
	struct allow_list *old = rcu_dereference_protected(current_list, true);
	struct allow_list *list = old == &lists[0] ? &lists[1] : &lists[0];
	struct allow_error error;
	struct who who;
	int failed;

	/* Root of a container may own the file; whoever loads the module may change the kernel anyway. */
	if (!capable(CAP_SYS_RAWIO) && !capable(CAP_SYS_MODULE))
		return -EPERM;
	failed = allow_parse(list, text, &error);
	if (failed) {
		pr_err("allow: \"%.*s\", character %zu: %s\n", (int)min_t(size_t, strcspn(text, "\n"), 200), text, error.at + 1,
		       error.what);
		return failed;
	}
	rcu_assign_pointer(current_list, list);
	synchronize_rcu();	/* calls that still read the old one, in which the next list is made */
	this_is(&who);
	pr_notice_ratelimited("allow: now \"%.200s\", by %s, process %d\n", list->text, who.comm, who.pid);
	return 0;
}

static int allow_get(char *text, const struct kernel_param *parameter)
{
	return scnprintf(text, PAGE_SIZE, "%s\n", rcu_dereference_protected(current_list, true)->text);
}

static const struct kernel_param_ops allow_ops = {
	.set = allow_set,
	.get = allow_get,
};
module_param_cb(allow, &allow_ops, NULL, 0600);
MODULE_PARM_DESC(allow, "what may be called: CONVENTION:NUMBERS or REGISTER[HIGH:LOW]:NUMBERS, with commas between them; "
			"* for everything (default: nothing)");

int allow_setup(void)
{
	struct allow_error error;
	int failed = allow_parse(&compiled, HYPERCALL_ALLOW, &error);

	if (failed)
		pr_err("the list that was compiled in, \"%s\", character %zu: %s\n", HYPERCALL_ALLOW, error.at + 1, error.what);
	return failed;
}

static void tell(const struct hypercall_call *call, bool locked_down)
{
	unsigned int uid = from_kuid(&init_user_ns, current_uid());
	struct who who;

	this_is(&who);
	if (locked_down)
		pr_notice_ratelimited("refused: %s, process %d, user %u: RAX 0x%llx, RCX[15:0] 0x%llx. "
				      "The kernel is locked down, and then only the list that was compiled in counts (\"%.200s\").\n",
				      who.comm, who.pid, uid, call->rax, call->rcx & 0xffff, compiled.text);
	else
		pr_notice_ratelimited("refused: %s, process %d, user %u: RAX 0x%llx, RCX[15:0] 0x%llx. To allow a number, "
				      "such as 17 of Xen's: echo xen:17 >/sys/module/" KBUILD_MODNAME "/parameters/allow\n",
				      who.comm, who.pid, uid, call->rax, call->rcx & 0xffff);
}

int allow_check(const struct hypercall_call *call)
{
	const u64 *registers = &call->rax;
	bool named, locked_down = false;

	if (allow_matches(&compiled, registers))
		return 0;
	rcu_read_lock();
	named = allow_matches(rcu_dereference(current_list), registers);
	rcu_read_unlock();
	if (named) {
		locked_down = security_locked_down(LOCKDOWN_DEV_MEM) != 0;
		if (!locked_down)
			return 0;
	}
	atomic64_inc(&counters.refusals);
	tell(call, locked_down);
	return locked_down ? -EPERM : -EACCES;
}
