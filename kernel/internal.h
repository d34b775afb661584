/* SPDX-License-Identifier: GPL-2.0 */
/* What the module's files know of each other. What programs see is hypercall.h. */
#ifndef HYPERCALL_INTERNAL_H
#define HYPERCALL_INTERNAL_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "hypercall.h"

/* One open file. */
struct client {
	struct list_head buffers;	/* the buffers that are this file's; buffers.c has the lock */
	unsigned int count;
};

/* Who did something, for the log: a thread's name may hold any byte, and the log is read by people and programs. */
struct who {
	pid_t pid;
	char comm[TASK_COMM_LEN];
};
void this_is(struct who *who);

/* main.c */
u32 hypercall_instruction(void);	/* HYPERCALL_VMCALL or HYPERCALL_VMMCALL */

/* call.c */
struct counters {
	atomic64_t calls;	/* instructions that were executed, faults included */
	atomic64_t faults;
	atomic64_t refusals;	/* by the allow-list or the lockdown */
};
extern struct counters counters;
long call(struct hypercall_call *request);

/* allow.c */
int allow_setup(void);			/* once, before the first call */
int allow_check(const struct hypercall_call *call);	/* 0, -EACCES, -EPERM */

/* buffers.c */
#define LARGEST_BUFFER	(4UL << 20)	/* bytes: the page allocator's largest block, 2^10 pages */

void buffers_open(struct client *client);
void buffers_close(struct client *client);
long buffers_allocate(struct client *client, struct hypercall_buffer *request);
long buffers_keep(struct client *client, u32 id);
long buffers_release(struct client *client, u32 id);	/* client NULL: root, by sysfs */
long buffers_free(struct client *client, u32 id);
int buffers_map(struct client *client, struct vm_area_struct *area);
void buffers_limits(struct hypercall_about *about);
ssize_t buffers_show(char *text);	/* at most a page: a line for each kept buffer */

/* sysfs.c */
extern const struct attribute_group *hypercall_groups[];

#endif
