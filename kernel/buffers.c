// SPDX-License-Identifier: GPL-2.0
/*
 * Contiguous memory that a program maps and a VMM is told the address of.
 *
 *   ALLOCATE --> the file's --KEEP--> the file's, kept --RELEASE--> the file's
 *                   | close, FREE        | close                       | close
 *                   v                    v                             v
 *                 freed        kept, nobody's --RELEASE, sysfs-->    freed
 *
 * The pages are freed when the table has let go of the buffer and no mapping is left. What is kept holds a reference of the
 * module.
 */
#define pr_fmt(format) KBUILD_MODNAME ": " format

#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/version.h>
#include <linux/xarray.h>

#include "internal.h"

struct buffer {
	u32 id;
	unsigned int users;	/* the table, and each mapping */
	unsigned long size;	/* bytes, whole pages */
	void *start;
	struct client *owner;	/* NULL: its file is closed */
	struct list_head link;	/* in the owner's list */
	bool kept;
	struct who keeper;
};

static unsigned int most_buffers = 64;
module_param_named(buffers, most_buffers, uint, 0600);
MODULE_PARM_DESC(buffers, "buffers that one open file may have (default: 64)");

static unsigned long largest_total = 64UL << 20;
module_param(largest_total, ulong, 0600);
MODULE_PARM_DESC(largest_total, "bytes that all buffers may have together (default: 64 MiB)");

/* Orders all of this file. Never held where user memory is touched: mmap comes with the lock of the address space. */
static DEFINE_MUTEX(lock);
static DEFINE_XARRAY_ALLOC1(table);
static u32 next_id;
static unsigned long total;

static unsigned long bytes_left(void)
{
	unsigned long limit = READ_ONCE(largest_total);

	return limit > total ? limit - total : 0;
}

static void put(struct buffer *buffer)
{
	lockdep_assert_held(&lock);
	if (--buffer->users)
		return;
	total -= buffer->size;
	free_pages_exact(buffer->start, buffer->size);
	kfree(buffer);
}

static void drop(struct buffer *buffer)
{
	xa_erase(&table, buffer->id);
	if (buffer->owner) {
		list_del(&buffer->link);
		buffer->owner->count--;
		buffer->owner = NULL;
	}
	put(buffer);
}

static void keep(struct buffer *buffer)
{
	buffer->kept = true;
	this_is(&buffer->keeper);
	__module_get(THIS_MODULE);
	pr_notice_ratelimited("buffer %u, %lu bytes, is kept for the VMM by %s, process %d\n", buffer->id, buffer->size,
			      buffer->keeper.comm, buffer->keeper.pid);
}

static void unkeep(struct buffer *buffer)
{
	struct who who;

	this_is(&who);
	pr_notice_ratelimited("buffer %u, %lu bytes, kept by %s, process %d, is released by %s, process %d\n",
			      buffer->id, buffer->size, buffer->keeper.comm, buffer->keeper.pid, who.comm, who.pid);
	buffer->kept = false;
	module_put(THIS_MODULE);
}

void buffers_open(struct client *client)
{
	INIT_LIST_HEAD(&client->buffers);
}

void buffers_close(struct client *client)
{
	struct buffer *buffer, *next;

	mutex_lock(&lock);
	list_for_each_entry_safe(buffer, next, &client->buffers, link) {
		if (buffer->kept) {
			list_del_init(&buffer->link);
			buffer->owner = NULL;
		} else {
			drop(buffer);
		}
	}
	mutex_unlock(&lock);
}

long buffers_allocate(struct client *client, struct hypercall_buffer *request)
{
	struct buffer *buffer;
	unsigned long size;
	long error;

	if (request->size == 0 || request->size > LARGEST_BUFFER || request->flags & ~HYPERCALL_KEPT)
		return -EINVAL;
	size = PAGE_ALIGN(request->size);

	/* The place is taken before the memory is, which may take its time. */
	mutex_lock(&lock);
	error = client->count >= READ_ONCE(most_buffers) || size > bytes_left() ? -ENOSPC : 0;
	if (!error) {
		client->count++;
		total += size;
	}
	mutex_unlock(&lock);
	if (error)
		return error;

	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	if (buffer)
		buffer->start = alloc_pages_exact(size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);

	mutex_lock(&lock);
	error = buffer && buffer->start ? 0 : -ENOMEM;
	if (!error)
		error = min(0, xa_alloc_cyclic(&table, &buffer->id, buffer, XA_LIMIT(1, U32_MAX), &next_id, GFP_KERNEL));
	if (error) {
		client->count--;
		total -= size;
	} else {
		buffer->users = 1;
		buffer->size = size;
		buffer->owner = client;
		list_add_tail(&buffer->link, &client->buffers);
		if (request->flags & HYPERCALL_KEPT)
			keep(buffer);
		request->size = size;
		request->gpa = virt_to_phys(buffer->start);
		request->id = buffer->id;
	}
	mutex_unlock(&lock);

	if (error && buffer) {
		if (buffer->start)
			free_pages_exact(buffer->start, size);
		kfree(buffer);
	}
	return error;
}

long buffers_keep(struct client *client, u32 id)
{
	struct buffer *buffer;
	long error = -ENOENT;

	mutex_lock(&lock);
	buffer = xa_load(&table, id);
	if (buffer && buffer->owner == client) {
		if (!buffer->kept)
			keep(buffer);
		error = 0;
	}
	mutex_unlock(&lock);
	return error;
}

long buffers_release(struct client *client, u32 id)
{
	struct buffer *buffer;
	long error = 0;

	mutex_lock(&lock);
	buffer = xa_load(&table, id);
	if (!buffer) {
		error = -ENOENT;
	} else if (buffer->owner && buffer->owner != client) {
		error = -EBUSY;
	} else {
		if (buffer->kept)
			unkeep(buffer);
		if (!buffer->owner)
			drop(buffer);
	}
	mutex_unlock(&lock);
	return error;
}

long buffers_free(struct client *client, u32 id)
{
	struct buffer *buffer;
	long error = 0;

	mutex_lock(&lock);
	buffer = xa_load(&table, id);
	if (!buffer || buffer->owner != client)
		error = -ENOENT;
	else if (buffer->kept || buffer->users > 1)
		error = -EBUSY;
	else
		drop(buffer);
	mutex_unlock(&lock);
	return error;
}

/* fork, and a mapping that is split. */
static void mapping_opened(struct vm_area_struct *area)
{
	struct buffer *buffer = area->vm_private_data;

	mutex_lock(&lock);
	buffer->users++;
	mutex_unlock(&lock);
}

static void mapping_closed(struct vm_area_struct *area)
{
	mutex_lock(&lock);
	put(area->vm_private_data);
	mutex_unlock(&lock);
}

static const struct vm_operations_struct mapping_operations = {
	.open = mapping_opened,
	.close = mapping_closed,
};

/*
 * Page by page and not as a range of frames: those are no pages to /proc/PID/pagemap, where a program would look for addresses.
 * A mapping holds its file open, so a file is only closed when its own mappings are gone.
 */
int buffers_map(struct client *client, struct vm_area_struct *area)
{
	unsigned long length = area->vm_end - area->vm_start;
	struct buffer *buffer;
	unsigned long done;
	int error = 0;

	if (!(area->vm_flags & VM_SHARED))
		return -EINVAL;
	mutex_lock(&lock);
	buffer = area->vm_pgoff <= U32_MAX ? xa_load(&table, area->vm_pgoff) : NULL;
	if (!buffer || (buffer->owner && buffer->owner != client))
		error = -ENXIO;
	else if (length > buffer->size)
		error = -EINVAL;
	if (!error) {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
		vm_flags_set(area, VM_DONTEXPAND | VM_DONTDUMP);
#else
		area->vm_flags |= VM_DONTEXPAND | VM_DONTDUMP;
#endif
	}
	for (done = 0; !error && done < length; done += PAGE_SIZE)
		error = vm_insert_page(area, area->vm_start + done, virt_to_page(buffer->start + done));
	if (!error) {
		buffer->users++;
		area->vm_private_data = buffer;
		area->vm_ops = &mapping_operations;
	}
	mutex_unlock(&lock);
	return error;
}

void buffers_limits(struct hypercall_about *about)
{
	about->largest_buffer = LARGEST_BUFFER;
	about->largest_total = READ_ONCE(largest_total);
	about->buffers = READ_ONCE(most_buffers);
}

ssize_t buffers_show(char *text)
{
	struct buffer *buffer;
	unsigned long id, more = 0;
	ssize_t length = 0;

	mutex_lock(&lock);
	xa_for_each(&table, id, buffer) {
		if (!buffer->kept)
			continue;
		if (length > PAGE_SIZE - 192)	/* a line has at most 120 characters */
			more++;
		else
			length += sysfs_emit_at(text, length, "id=%u gpa=0x%llx size=%lu file=%s pid=%d comm=%s\n", buffer->id,
						(u64)virt_to_phys(buffer->start), buffer->size, buffer->owner ? "open" : "closed",
						buffer->keeper.pid, buffer->keeper.comm);
	}
	mutex_unlock(&lock);
	if (more)
		length += sysfs_emit_at(text, length, "and %lu more\n", more);
	return length;
}
