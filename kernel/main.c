// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/hypercall: calls of a VMM at CPL 0, and contiguous memory to hand to it; hypercall.h says what a program sees. Whoever
 * calls a VMM may have it read and write any of this machine's memory, so the device asks for what /dev/mem asks for
 * (CAP_SYS_RAWIO, in the initial user namespace), and calls nothing that its allow-list does not name.
 */
#define pr_fmt(format) KBUILD_MODNAME ": " format

#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/ctype.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>

#include "internal.h"

static u32 instruction;

u32 hypercall_instruction(void)
{
	return instruction;
}

void this_is(struct who *who)
{
	char *c;

	who->pid = task_tgid_nr(current);
	get_task_comm(who->comm, current);
	for (c = who->comm; *c; c++) {
		if (!isascii(*c) || !isgraph(*c))
			*c = '?';
	}
}

static long do_about(void __user *at)
{
	struct hypercall_about about = { .abi = HYPERCALL_ABI, .instruction = instruction };

	buffers_limits(&about);
	return copy_to_user(at, &about, sizeof(about)) ? -EFAULT : 0;
}

static long do_call(void __user *at)
{
	struct hypercall_call request;
	long error;

	if (copy_from_user(&request, at, sizeof(request)))
		return -EFAULT;
	error = call(&request);
	return error ? error : copy_to_user(at, &request, sizeof(request)) ? -EFAULT : 0;
}

static long do_allocate(struct client *client, void __user *at)
{
	struct hypercall_buffer request;
	long error;

	if (copy_from_user(&request, at, sizeof(request)))
		return -EFAULT;
	error = buffers_allocate(client, &request);
	if (!error && copy_to_user(at, &request, sizeof(request))) {
		/* Nobody would know of it. */
		buffers_release(client, request.id);
		buffers_free(client, request.id);
		error = -EFAULT;
	}
	return error;
}

static long do_with_id(long (*action)(struct client *client, u32 id), struct client *client, u32 __user *at)
{
	u32 id;

	return get_user(id, at) ? -EFAULT : action(client, id);
}

static long hypercall_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct client *client = file->private_data;
	void __user *at = (void __user *)argument;

	switch (command) {
	case HYPERCALL_ABOUT:
		return do_about(at);
	case HYPERCALL_CALL:
		return do_call(at);
	case HYPERCALL_ALLOCATE:
		return do_allocate(client, at);
	case HYPERCALL_KEEP:
		return do_with_id(buffers_keep, client, at);
	case HYPERCALL_RELEASE:
		return do_with_id(buffers_release, client, at);
	case HYPERCALL_FREE:
		return do_with_id(buffers_free, client, at);
	default:
		return -ENOTTY;
	}
}

static int hypercall_mmap(struct file *file, struct vm_area_struct *area)
{
	return buffers_map(file->private_data, area);
}

static int hypercall_open(struct inode *inode, struct file *file)
{
	struct client *client;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	client = kzalloc(sizeof(*client), GFP_KERNEL);
	if (!client)
		return -ENOMEM;
	buffers_open(client);
	file->private_data = client;
	return 0;
}

static int hypercall_close(struct inode *inode, struct file *file)
{
	buffers_close(file->private_data);
	kfree(file->private_data);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = hypercall_open,
	.release = hypercall_close,
	.unlocked_ioctl = hypercall_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = hypercall_mmap,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hypercall",
	.fops = &operations,
	.groups = hypercall_groups,
	.mode = 0600,
};

static int __init hypercall_init(void)
{
	int error = allow_setup();

	/* The vendor decides, not a feature bit: those are usually hidden from a guest. */
	switch (boot_cpu_data.x86_vendor) {
	case X86_VENDOR_AMD:
	case X86_VENDOR_HYGON:
		instruction = HYPERCALL_VMMCALL;
		break;
	default:
		instruction = HYPERCALL_VMCALL;
	}
	return error ? error : misc_register(&device);
}

static void __exit hypercall_exit(void)
{
	misc_deregister(&device);
}

module_init(hypercall_init);
module_exit(hypercall_exit);
MODULE_DESCRIPTION("Calls a VMM at CPL 0, and lends contiguous memory to hand to it");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.2.0");
