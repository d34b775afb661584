// SPDX-License-Identifier: GPL-2.0
/* /sys/class/misc/hypercall/: counters, the kept buffers, and their release by root. */
#include <linux/capability.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/sysfs.h>

#include "internal.h"

#define COUNTER(name)									\
	static ssize_t name##_show(struct device *device, struct device_attribute *attribute, char *text)	\
	{										\
		return sysfs_emit(text, "%lld\n", (long long)atomic64_read(&counters.name));	\
	}										\
	static DEVICE_ATTR_ADMIN_RO(name)

COUNTER(calls);
COUNTER(faults);
COUNTER(refusals);

/* Physical addresses are for those who may open the device; root of a container may own the file. */
static ssize_t kept_show(struct device *device, struct device_attribute *attribute, char *text)
{
	return capable(CAP_SYS_RAWIO) ? buffers_show(text) : -EPERM;
}
static DEVICE_ATTR_ADMIN_RO(kept);

static ssize_t release_store(struct device *device, struct device_attribute *attribute, const char *text, size_t length)
{
	long error;
	u32 id;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	error = kstrtou32(text, 0, &id);
	if (!error)
		error = buffers_release(NULL, id);
	return error ? error : length;
}
static DEVICE_ATTR(release, 0200, NULL, release_store);

static struct attribute *attributes[] = {
	&dev_attr_calls.attr,
	&dev_attr_faults.attr,
	&dev_attr_refusals.attr,
	&dev_attr_kept.attr,
	&dev_attr_release.attr,
	NULL,
};

static const struct attribute_group group = { .attrs = attributes };
const struct attribute_group *hypercall_groups[] = { &group, NULL };
