// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/hypercall: the kernel's side of talking to a VMM. A physically contiguous buffer of the kernel's that a program maps and
 * knows the physical address of, and calls at CPL 0. For tests: whoever may open the device may do to the machine what the VMM allows.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/asm.h>
#include <asm/processor.h>
#include <asm/smap.h>

#include "hypercall.h"

#define LARGEST (4UL << 20)	/* KMALLOC_MAX_SIZE of x86-64, said as a number because it is part of the interface */

struct client {
	struct mutex lock;	/* orders allocation against mapping */
	void *buffer;
	size_t size;
};

static bool uses_vmmcall;	/* the vendor decides, not a feature bit: those are usually hidden from a guest */

/*
 * The instruction, and a way out when it faults: an entry of the exception table turns #UD and #GP into an error. AC is set around
 * it because a VMM may inject a page fault for an address of the caller's, which the kernel then serves as if it had touched the page.
 */
#define CALL(instruction, f, error)							\
	asm volatile("1: " instruction "\n2:\n"						\
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_IMM_REG | EX_DATA_IMM(-EOPNOTSUPP), %[err])	\
		     : [err] "+r" (error), "+a" ((f)->rax), "+b" ((f)->rbx), "+c" ((f)->rcx),		\
		       "+d" ((f)->rdx), "+S" ((f)->rsi), "+D" ((f)->rdi)			\
		     : : "memory")

static long call(struct hypercall_frame *f)
{
	struct hypercall_frame in = *f;
	long error = 0;

	stac();
	if (uses_vmmcall)
		CALL("vmmcall", &in, error);
	else
		CALL("vmcall", &in, error);
	clac();
	if (!error)
		*f = in;
	return error;
}

static long allocate(struct client *client, struct hypercall_buffer *request)
{
	size_t size;
	long error = 0;

	if (request->size == 0 || request->size > LARGEST)
		return -EINVAL;
	size = PAGE_ALIGN(request->size);
	mutex_lock(&client->lock);
	if (client->buffer) {
		error = -EBUSY;
	} else {
		/* More than the slab serves comes in whole pages, aligned to themselves, which may be mapped one by one. */
		client->buffer = kzalloc(max_t(size_t, roundup_pow_of_two(size), 2 * KMALLOC_MAX_CACHE_SIZE), GFP_KERNEL | __GFP_NOWARN);
		error = client->buffer ? 0 : -ENOMEM;
	}
	if (!error) {
		client->size = size;
		request->size = size;
		request->gpa = virt_to_phys(client->buffer);
	}
	mutex_unlock(&client->lock);
	return error;
}

static long hypercall_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *at = (void __user *)argument;
	struct hypercall_buffer request;
	struct hypercall_frame frame;
	long error;

	switch (command) {
	case HYPERCALL_CALL:
		if (copy_from_user(&frame, at, sizeof(frame)))
			return -EFAULT;
		error = call(&frame);
		return error ? error : copy_to_user(at, &frame, sizeof(frame)) ? -EFAULT : 0;
	case HYPERCALL_ALLOCATE:
		if (copy_from_user(&request, at, sizeof(request)))
			return -EFAULT;
		error = allocate(file->private_data, &request);
		return error ? error : copy_to_user(at, &request, sizeof(request)) ? -EFAULT : 0;
	default:
		return -ENOTTY;
	}
}

/*
 * Page by page and not as a range of frames: those are no pages to /proc/PID/pagemap, where a program would look for the addresses.
 * A mapping holds the file open, so the buffer outlives every mapping of it.
 */
static int hypercall_mmap(struct file *file, struct vm_area_struct *area)
{
	struct client *client = file->private_data;
	unsigned long length = area->vm_end - area->vm_start;
	unsigned long done;
	int error = 0;

	mutex_lock(&client->lock);
	if (!client->buffer || area->vm_pgoff != 0 || length > client->size || !(area->vm_flags & VM_SHARED))
		error = -EINVAL;
	for (done = 0; !error && done < length; done += PAGE_SIZE)
		error = vm_insert_page(area, area->vm_start + done, virt_to_page(client->buffer + done));
	mutex_unlock(&client->lock);
	return error;
}

static int hypercall_open(struct inode *inode, struct file *file)
{
	struct client *client;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	client = kzalloc(sizeof(*client), GFP_KERNEL);
	if (!client)
		return -ENOMEM;
	mutex_init(&client->lock);
	file->private_data = client;
	return 0;
}

static int hypercall_release(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;

	kfree(client->buffer);
	kfree(client);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = hypercall_open,
	.release = hypercall_release,
	.unlocked_ioctl = hypercall_ioctl,
	.mmap = hypercall_mmap,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hypercall",
	.fops = &operations,
	.mode = 0600,
};

static int __init hypercall_init(void)
{
	uses_vmmcall = boot_cpu_data.x86_vendor == X86_VENDOR_AMD || boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;
	return misc_register(&device);
}

static void __exit hypercall_exit(void)
{
	misc_deregister(&device);
}

module_init(hypercall_init);
module_exit(hypercall_exit);
MODULE_DESCRIPTION("Calls a VMM at CPL 0, and lends contiguous memory to hand to it");
MODULE_LICENSE("GPL");
