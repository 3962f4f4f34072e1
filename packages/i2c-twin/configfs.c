// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: what is seen and done below /sys/kernel/config/i2c-twin
 *
 *	mkdir <adapter>			makes an adapter
 *	  number			its number, -1 for the next free one
 *	  parent			the adapter that gets what none of the
 *					chips answers to, -1 for none
 *	  functions			I2C_FUNC_* that it says it has
 *	  nack_error			errno of what is not acknowledged, 0
 *					for the kernel's customs
 *	  timeout			of a transfer, milliseconds
 *	  enabled			1: the I2C core has it
 *	  mkdir <chip>			makes a chip
 *	    address
 *	    script			lines to describe it, see script.c
 *	    registers			all of it, as bytes
 *	    variables			those that are not 0
 *	    fault			lines to order faults, see fault.c
 *	    counters			what it has seen; any write: from 0 on
 *	    error			what was wrong with the last bad line
 *	    enabled			1: it answers
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "i2c-twin.h"

/* configfs hands over one byte less than this of one write. */
#define TWIN_WRITE_MAX	4096

static struct twin_bus *to_twin_bus(struct config_item *item)
{
	return container_of(to_config_group(item), struct twin_bus, group);
}

static struct twin_chip *to_twin_chip(struct config_item *item)
{
	return container_of(item, struct twin_chip, item);
}

/* Attributes of chips */

static ssize_t twin_chip_address_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "0x%02x\n", to_twin_chip(item)->address);
}

static ssize_t twin_chip_address_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct twin_chip *chip = to_twin_chip(item);
	u16 address;
	int ret;

	ret = kstrtou16(page, 0, &address);
	if (ret)
		return ret;
	if (address < 0x03 || address > 0x77)
		return -ERANGE;

	mutex_lock(&chip->bus->lock);
	if (chip->enabled)
		ret = -EBUSY;
	else
		chip->address = address;
	mutex_unlock(&chip->bus->lock);
	return ret ? ret : count;
}

static ssize_t twin_chip_enabled_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_twin_chip(item)->enabled);
}

static ssize_t twin_chip_enabled_store(struct config_item *item,
				       const char *page, size_t count)
{
	struct twin_chip *chip = to_twin_chip(item);
	struct twin_bus *bus = chip->bus;
	bool enable;
	int ret;

	ret = kstrtobool(page, &enable);
	if (ret)
		return ret;
	mutex_lock(&bus->lock);
	if (enable)
		ret = twin_bus_attach(bus, chip);
	else
		twin_bus_detach(bus, chip);
	mutex_unlock(&bus->lock);
	return ret ? ret : count;
}

/*
 * How much of a write to take: configfs cuts a long one somewhere, and gets
 * the line that was cut again with the rest when it was not taken.
 */
static size_t twin_whole_lines(const char *page, size_t count)
{
	size_t whole = count;

	if (count < TWIN_WRITE_MAX - 1)
		return count;
	while (whole && page[whole - 1] != '\n')
		whole--;
	return whole ? whole : count;
}

static const char *twin_reason(int error)
{
	switch (error) {
	case -EBUSY:
		return "the shape comes first";
	case -ERANGE:
		return "there is no such register";
	case -ENOSPC:
		return "too many hooks";
	case -ENOMEM:
		return "out of memory";
	default:
		return "not understood";
	}
}

/* Gives each line to @parse. All of them are one step to those who transfer. */
static ssize_t twin_chip_lines(struct config_item *item, const char *page,
			       size_t count,
			       int (*parse)(struct twin_chip *, char *))
{
	struct twin_chip *chip = to_twin_chip(item);
	size_t whole = twin_whole_lines(page, count);
	char *text, *rest, *line;
	unsigned int number = 0;
	char copy[64];
	int ret = 0;

	text = kmemdup_nul(page, whole, GFP_KERNEL);
	if (!text)
		return -ENOMEM;

	rest = text;
	mutex_lock(&chip->bus->lock);
	chip->error[0] = '\0';
	twin_hooks_settle(chip);
	while (!ret && (line = strsep(&rest, "\n"))) {
		number++;
		strscpy(copy, line, sizeof(copy));
		ret = parse(chip, line);
	}
	if (ret)
		scnprintf(chip->error, sizeof(chip->error), "line %u: %s: %s",
			  number, twin_reason(ret), copy);
	if (ret)
		pr_err("i2c-twin: %s/%s: %s\n",
		       config_item_name(&chip->bus->group.cg_item),
		       config_item_name(item), chip->error);
	mutex_unlock(&chip->bus->lock);
	kfree(text);
	return ret ? ret : whole;
}

static ssize_t twin_chip_script_store(struct config_item *item,
				      const char *page, size_t count)
{
	return twin_chip_lines(item, page, count, twin_script_line);
}

static ssize_t twin_chip_fault_store(struct config_item *item,
				     const char *page, size_t count)
{
	return twin_chip_lines(item, page, count, twin_fault_parse);
}

static ssize_t twin_chip_fault_show(struct config_item *item, char *page)
{
	struct twin_chip *chip = to_twin_chip(item);
	ssize_t length;

	mutex_lock(&chip->bus->lock);
	length = twin_faults_show(chip, page);
	mutex_unlock(&chip->bus->lock);
	return length;
}

static ssize_t twin_chip_variables_show(struct config_item *item, char *page)
{
	struct twin_chip *chip = to_twin_chip(item);
	ssize_t length = 0;
	int i;

	mutex_lock(&chip->bus->lock);
	twin_hooks_settle(chip);
	for (i = 0; i < TWIN_VARIABLES; i++) {
		if (chip->variable[i])
			length += sysfs_emit_at(page, length, "%d %lld\n", i,
						chip->variable[i]);
	}
	mutex_unlock(&chip->bus->lock);
	return length;
}

static ssize_t twin_chip_counters_show(struct config_item *item, char *page)
{
	struct twin_chip *chip = to_twin_chip(item);
	struct twin_counters counters;

	mutex_lock(&chip->bus->lock);
	counters = chip->counters;
	mutex_unlock(&chip->bus->lock);
	return sysfs_emit(page, "transfers %llu\nreads %llu\nwrites %llu\n"
			  "bytes_read %llu\nbytes_written %llu\nnacks %llu\n"
			  "faults %llu\n", counters.transfers, counters.reads,
			  counters.writes, counters.bytes_read,
			  counters.bytes_written, counters.nacks,
			  counters.faults);
}

static ssize_t twin_chip_counters_store(struct config_item *item,
					const char *page, size_t count)
{
	struct twin_chip *chip = to_twin_chip(item);

	mutex_lock(&chip->bus->lock);
	memset(&chip->counters, 0, sizeof(chip->counters));
	mutex_unlock(&chip->bus->lock);
	return count;
}

static ssize_t twin_chip_error_show(struct config_item *item, char *page)
{
	struct twin_chip *chip = to_twin_chip(item);
	ssize_t length;

	mutex_lock(&chip->bus->lock);
	length = sysfs_emit(page, "%s%s", chip->error,
			    chip->error[0] ? "\n" : "");
	mutex_unlock(&chip->bus->lock);
	return length;
}

/* Asked for the size first (without a buffer), then for the bytes. */
static ssize_t twin_chip_registers_read(struct config_item *item, void *buffer,
					size_t size)
{
	struct twin_chip *chip = to_twin_chip(item);
	size_t bytes;

	mutex_lock(&chip->bus->lock);
	bytes = twin_chip_bytes(chip);
	if (buffer) {
		bytes = min(bytes, size);
		twin_hooks_settle(chip);
		memcpy(buffer, chip->memory, bytes);
	}
	mutex_unlock(&chip->bus->lock);
	return bytes;
}

static ssize_t twin_chip_registers_write(struct config_item *item,
					 const void *buffer, size_t size)
{
	struct twin_chip *chip = to_twin_chip(item);

	mutex_lock(&chip->bus->lock);
	chip->filled = true;
	twin_hooks_settle(chip);
	memcpy(chip->memory, buffer, min(size, twin_chip_bytes(chip)));
	mutex_unlock(&chip->bus->lock);
	return size;
}

CONFIGFS_ATTR(twin_chip_, address);
CONFIGFS_ATTR(twin_chip_, enabled);
CONFIGFS_ATTR_WO(twin_chip_, script);
CONFIGFS_ATTR(twin_chip_, fault);
CONFIGFS_ATTR_RO(twin_chip_, variables);
CONFIGFS_ATTR(twin_chip_, counters);
CONFIGFS_ATTR_RO(twin_chip_, error);
CONFIGFS_BIN_ATTR(twin_chip_, registers, NULL, TWIN_MEMORY_MAX);

static struct configfs_attribute *twin_chip_attributes[] = {
	&twin_chip_attr_address,
	&twin_chip_attr_enabled,
	&twin_chip_attr_script,
	&twin_chip_attr_fault,
	&twin_chip_attr_variables,
	&twin_chip_attr_counters,
	&twin_chip_attr_error,
	NULL,
};

static struct configfs_bin_attribute *twin_chip_bin_attributes[] = {
	&twin_chip_attr_registers,
	NULL,
};

static void twin_chip_release(struct config_item *item)
{
	twin_chip_free(to_twin_chip(item));
}

static struct configfs_item_operations twin_chip_operations = {
	.release	= twin_chip_release,
};

static const struct config_item_type twin_chip_type = {
	.ct_owner	= THIS_MODULE,
	.ct_item_ops	= &twin_chip_operations,
	.ct_attrs	= twin_chip_attributes,
	.ct_bin_attrs	= twin_chip_bin_attributes,
};

/* Attributes of adapters */

/* Sets a number that an adapter is made from, while the core has it not. */
static ssize_t twin_bus_set(struct twin_bus *bus, const char *page,
			    size_t count, int least, int most, int *target)
{
	int value;
	int ret;

	ret = kstrtoint(page, 0, &value);
	if (ret)
		return ret;
	if (value < least || value > most)
		return -ERANGE;

	mutex_lock(&bus->state_lock);
	if (bus->state != TWIN_OFF)
		ret = -EBUSY;
	else
		*target = value;
	mutex_unlock(&bus->state_lock);
	return ret ? ret : count;
}

static ssize_t twin_bus_number_show(struct config_item *item, char *page)
{
	struct twin_bus *bus = to_twin_bus(item);
	int number;

	mutex_lock(&bus->state_lock);
	number = bus->state == TWIN_OFF ? bus->number : bus->adapter.nr;
	mutex_unlock(&bus->state_lock);
	return sysfs_emit(page, "%d\n", number);
}

static ssize_t twin_bus_number_store(struct config_item *item,
				     const char *page, size_t count)
{
	struct twin_bus *bus = to_twin_bus(item);

	return twin_bus_set(bus, page, count, -1, INT_MAX - 1, &bus->number);
}

static ssize_t twin_bus_parent_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_twin_bus(item)->parent_number);
}

static ssize_t twin_bus_parent_store(struct config_item *item,
				     const char *page, size_t count)
{
	struct twin_bus *bus = to_twin_bus(item);

	return twin_bus_set(bus, page, count, -1, INT_MAX,
			    &bus->parent_number);
}

static ssize_t twin_bus_nack_error_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_twin_bus(item)->nack_error);
}

static ssize_t twin_bus_nack_error_store(struct config_item *item,
					 const char *page, size_t count)
{
	struct twin_bus *bus = to_twin_bus(item);

	return twin_bus_set(bus, page, count, 0, MAX_ERRNO, &bus->nack_error);
}

static ssize_t twin_bus_timeout_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_twin_bus(item)->timeout);
}

static ssize_t twin_bus_timeout_store(struct config_item *item,
				      const char *page, size_t count)
{
	struct twin_bus *bus = to_twin_bus(item);

	return twin_bus_set(bus, page, count, 1, 60000, &bus->timeout);
}

static ssize_t twin_bus_functions_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "0x%08x\n", to_twin_bus(item)->functions);
}

/* Only what it can do can be said; less, to be like some real controller. */
static ssize_t twin_bus_functions_store(struct config_item *item,
					const char *page, size_t count)
{
	struct twin_bus *bus = to_twin_bus(item);
	u32 functions;
	int ret;

	ret = kstrtou32(page, 0, &functions);
	if (ret)
		return ret;
	if (functions & ~TWIN_FUNCTIONS)
		return -EOPNOTSUPP;

	mutex_lock(&bus->state_lock);
	if (bus->state != TWIN_OFF)
		ret = -EBUSY;
	else
		bus->functions = functions;
	mutex_unlock(&bus->state_lock);
	return ret ? ret : count;
}

static ssize_t twin_bus_enabled_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", to_twin_bus(item)->state == TWIN_ON);
}

static ssize_t twin_bus_enabled_store(struct config_item *item,
				      const char *page, size_t count)
{
	struct twin_bus *bus = to_twin_bus(item);
	bool enable;
	int ret;

	ret = kstrtobool(page, &enable);
	if (ret)
		return ret;
	ret = enable ? twin_bus_enable(bus) : twin_bus_disable(bus);
	return ret ? ret : count;
}

CONFIGFS_ATTR(twin_bus_, number);
CONFIGFS_ATTR(twin_bus_, parent);
CONFIGFS_ATTR(twin_bus_, functions);
CONFIGFS_ATTR(twin_bus_, nack_error);
CONFIGFS_ATTR(twin_bus_, timeout);
CONFIGFS_ATTR(twin_bus_, enabled);

static struct configfs_attribute *twin_bus_attributes[] = {
	&twin_bus_attr_number,
	&twin_bus_attr_parent,
	&twin_bus_attr_functions,
	&twin_bus_attr_nack_error,
	&twin_bus_attr_timeout,
	&twin_bus_attr_enabled,
	NULL,
};

static struct config_item *twin_chip_make(struct config_group *group,
					  const char *name)
{
	struct twin_chip *chip = twin_chip_alloc();

	if (!chip)
		return ERR_PTR(-ENOMEM);
	chip->bus = container_of(group, struct twin_bus, group);
	config_item_init_type_name(&chip->item, name, &twin_chip_type);
	return &chip->item;
}

static void twin_chip_drop(struct config_group *group, struct config_item *item)
{
	struct twin_bus *bus = container_of(group, struct twin_bus, group);

	mutex_lock(&bus->lock);
	twin_bus_detach(bus, to_twin_chip(item));
	mutex_unlock(&bus->lock);
	config_item_put(item);
}

static struct configfs_group_operations twin_bus_group_operations = {
	.make_item	= twin_chip_make,
	.drop_item	= twin_chip_drop,
};

static void twin_bus_release(struct config_item *item)
{
	struct twin_bus *bus = to_twin_bus(item);

	mutex_destroy(&bus->lock);
	mutex_destroy(&bus->state_lock);
	kfree(bus);
}

static struct configfs_item_operations twin_bus_operations = {
	.release	= twin_bus_release,
};

static const struct config_item_type twin_bus_type = {
	.ct_owner	= THIS_MODULE,
	.ct_item_ops	= &twin_bus_operations,
	.ct_group_ops	= &twin_bus_group_operations,
	.ct_attrs	= twin_bus_attributes,
};

static struct config_group *twin_bus_make(struct config_group *group,
					  const char *name)
{
	struct twin_bus *bus = kzalloc(sizeof(*bus), GFP_KERNEL);

	if (!bus)
		return ERR_PTR(-ENOMEM);
	twin_bus_init(bus);
	config_group_init_type_name(&bus->group, name, &twin_bus_type);
	return &bus->group;
}

static void twin_bus_drop(struct config_group *group, struct config_item *item)
{
	twin_bus_disable(to_twin_bus(item));
	config_item_put(item);
}

static struct configfs_group_operations twin_operations = {
	.make_group	= twin_bus_make,
	.drop_item	= twin_bus_drop,
};

static const struct config_item_type twin_type = {
	.ct_owner	= THIS_MODULE,
	.ct_group_ops	= &twin_operations,
};

static struct configfs_subsystem twin_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf	= "i2c-twin",
			.ci_type	= &twin_type,
		},
	},
};

static int __init twin_init(void)
{
	int ret = twin_bus_setup();

	if (ret)
		return ret;
	config_group_init(&twin_subsystem.su_group);
	mutex_init(&twin_subsystem.su_mutex);
	ret = configfs_register_subsystem(&twin_subsystem);
	if (ret)
		twin_bus_cleanup();
	return ret;
}

static void __exit twin_exit(void)
{
	configfs_unregister_subsystem(&twin_subsystem);
	twin_bus_cleanup();
}

module_init(twin_init);
module_exit(twin_exit);
MODULE_DESCRIPTION("I2C adapters whose chips are register maps in memory");
MODULE_LICENSE("GPL");
