// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: the adapters, and the transfers on them
 *
 * A transfer is a list of messages as the I2C core has them: SMBus comes as
 * such a list, too (i2c_smbus_xfer_emulated()), so that a chip cannot tell
 * the two apart, as on a real bus.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "i2c-twin.h"

/* How long somebody who removes an adapter waits for those who use it. */
#define TWIN_PATIENCE	(2 * HZ)

static struct workqueue_struct *twin_removals;

/* Adapters that the core has, those that it does not let go of among them. */
static LIST_HEAD(twin_buses);
static DEFINE_MUTEX(twin_buses_lock);

static struct twin_chip *twin_bus_chip(struct twin_bus *bus,
				       const struct i2c_msg *msg)
{
	if (msg->flags & I2C_M_TEN || msg->addr >= TWIN_ADDRESSES)
		return NULL;
	return bus->chips[msg->addr];
}

static int twin_nack(struct twin_bus *bus, struct twin_chip *chip, int error)
{
	if (chip)
		chip->counters.nacks++;
	return bus->nack_error ? -bus->nack_error : error;
}

static int twin_write(struct twin_bus *bus, struct twin_chip *chip,
		      const struct i2c_msg *msg)
{
	unsigned int block = msg->addr - chip->address;
	u16 i;

	chip->counters.writes++;
	for (i = 0; i < msg->len; i++) {
		if (twin_chip_take(chip, block, msg->buf[i]))
			return twin_nack(bus, chip, -EIO);
	}
	return 0;
}

static int twin_read(struct twin_chip *chip, struct i2c_msg *msg)
{
	u16 i;

	chip->counters.reads++;
	for (i = 0; i < msg->len; i++) {
		msg->buf[i] = twin_chip_give(chip);
		/* The first byte of an SMBus block says how many follow. */
		if (i == 0 && msg->flags & I2C_M_RECV_LEN) {
			if (!msg->buf[0] || msg->buf[0] > I2C_SMBUS_BLOCK_MAX)
				return -EPROTO;
			msg->len += msg->buf[0];
		}
	}
	return 0;
}

static int twin_message(struct twin_bus *bus, struct i2c_msg *msg)
{
	struct twin_chip *chip = twin_bus_chip(bus, msg);
	bool read = msg->flags & I2C_M_RD;

	if (!chip)
		return twin_nack(bus, NULL, -ENXIO);
	if (chip->spoiled & BIT(TWIN_NACK) || twin_chip_busy(chip))
		return twin_nack(bus, chip, -ENXIO);

	twin_chip_start(chip, msg->addr - chip->address, read);
	return read ? twin_read(chip, msg) : twin_write(bus, chip, msg);
}

static int twin_messages(struct twin_bus *bus, struct i2c_msg *msgs, int num)
{
	struct twin_chip *chip;
	int ret = 0;
	int i;

	for (i = 0; i < num && !ret; i++)
		ret = twin_message(bus, &msgs[i]);

	/* A stop ends the transfer for all that were addressed. */
	while (i--) {
		chip = twin_bus_chip(bus, &msgs[i]);
		if (chip)
			twin_chip_stop(chip);
	}
	return ret ? ret : num;
}

/* The bus hangs: nothing gets through until the chip lets go of it. */
static int twin_stuck(struct twin_bus *bus)
{
	struct twin_fault *fault = &bus->stuck->fault[TWIN_STUCK];

	if (fault->times && !--fault->times) {
		fault->on = false;
		bus->stuck = NULL;
	}
	return -ETIMEDOUT;
}

/*
 * Prepares the chips of a transfer and says how long it takes: @wait is in
 * milliseconds. Returns an error when nothing more comes of it.
 */
static int twin_begin(struct twin_bus *bus, const struct i2c_msg *msgs,
		      int num, unsigned int *wait)
{
	/* Programs can set it, too (I2C_TIMEOUT). */
	unsigned int timeout = jiffies_to_msecs(bus->adapter.timeout);
	struct twin_chip *chip;
	int i;

	*wait = timeout;
	if (bus->stuck)
		return twin_stuck(bus);

	*wait = 0;
	bus->transfer++;
	for (i = 0; i < num; i++) {
		chip = twin_bus_chip(bus, &msgs[i]);
		if (!chip || chip->transfer == bus->transfer)
			continue;
		chip->transfer = bus->transfer;
		chip->counters.transfers++;
		chip->bytes_taken = 0;
		chip->spoiled = twin_faults_next(chip);
		if (chip->spoiled)
			chip->counters.faults++;
		if (chip->spoiled & BIT(TWIN_SLOW))
			*wait += chip->fault[TWIN_SLOW].value;
		if (chip->spoiled & BIT(TWIN_STUCK))
			bus->stuck = chip;
	}
	if (!bus->stuck && *wait <= timeout)
		return 0;
	*wait = timeout;
	return bus->stuck ? twin_stuck(bus) : -ETIMEDOUT;
}

static void twin_settle(struct twin_bus *bus, const struct i2c_msg *msgs,
			int num)
{
	struct twin_chip *chip;

	while (num--) {
		chip = twin_bus_chip(bus, &msgs[num]);
		if (chip)
			twin_hooks_settle(chip);
	}
}

/* Whether a transfer is for somebody behind the parent. */
static bool twin_for_parent(struct twin_bus *bus, const struct i2c_msg *msgs,
			    int num)
{
	if (!bus->parent || bus->stuck)
		return false;
	while (num--) {
		if (twin_bus_chip(bus, &msgs[num]))
			return false;
	}
	return true;
}

static int twin_xfer(struct i2c_adapter *adapter, struct i2c_msg *msgs,
		     int num)
{
	struct twin_bus *bus = i2c_get_adapdata(adapter);
	unsigned int wait;
	int ret;

	mutex_lock(&bus->lock);
	if (twin_for_parent(bus, msgs, num)) {
		mutex_unlock(&bus->lock);
		return i2c_transfer(bus->parent, msgs, num);
	}

	ret = twin_begin(bus, msgs, num, &wait);
	if (wait) {
		/* The core keeps the bus busy; the chips may be changed. */
		mutex_unlock(&bus->lock);
		schedule_timeout_killable(msecs_to_jiffies(wait));
		mutex_lock(&bus->lock);
	}
	if (!ret) {
		twin_settle(bus, msgs, num);
		ret = twin_messages(bus, msgs, num);
	}
	mutex_unlock(&bus->lock);
	return ret;
}

static u32 twin_functionality(struct i2c_adapter *adapter)
{
	struct twin_bus *bus = i2c_get_adapdata(adapter);

	return bus->functions;
}

static const struct i2c_algorithm twin_algorithm = {
	.master_xfer	= twin_xfer,
	.functionality	= twin_functionality,
};

static void twin_bus_remove(struct work_struct *work)
{
	struct twin_bus *bus = container_of(work, struct twin_bus, removal);

	i2c_del_adapter(&bus->adapter);

	mutex_lock(&twin_buses_lock);
	list_del(&bus->node);
	mutex_unlock(&twin_buses_lock);
	mutex_lock(&bus->state_lock);
	if (bus->parent)
		i2c_put_adapter(bus->parent);
	bus->parent = NULL;
	bus->state = TWIN_OFF;
	complete_all(&bus->gone);
	mutex_unlock(&bus->state_lock);

	config_item_put(&bus->group.cg_item);
}

/**
 * twin_bus_init - make an adapter that the core does not know yet
 * @bus: zeroed memory
 */
void twin_bus_init(struct twin_bus *bus)
{
	mutex_init(&bus->state_lock);
	mutex_init(&bus->lock);
	init_completion(&bus->gone);
	INIT_WORK(&bus->removal, twin_bus_remove);
	bus->number = -1;
	bus->parent_number = -1;
	bus->functions = TWIN_FUNCTIONS;
	bus->timeout = 1000;
}

/*
 * The adapter to pass on to. Ours are refused: two that pass on to each other
 * would wait for each other.
 */
static int twin_bus_find_parent(struct twin_bus *bus)
{
	struct i2c_adapter *parent;

	if (bus->parent_number < 0)
		return 0;
	parent = i2c_get_adapter(bus->parent_number);
	if (!parent)
		return -ENODEV;
	if (parent->algo == &twin_algorithm) {
		i2c_put_adapter(parent);
		return -ELOOP;
	}
	bus->parent = parent;
	return 0;
}

/*
 * The core answers a number that is taken with a warning and a backtrace. One
 * that is being removed cannot be asked for, but still has its number.
 */
static bool twin_number_taken(int number)
{
	struct i2c_adapter *other;
	struct twin_bus *bus;

	if (number < 0)
		return false;
	other = i2c_get_adapter(number);
	if (other) {
		i2c_put_adapter(other);
		return true;
	}
	list_for_each_entry(bus, &twin_buses, node) {
		if (bus->adapter.nr == number)
			return true;
	}
	return false;
}

static int twin_bus_add(struct twin_bus *bus)
{
	struct i2c_adapter *adapter = &bus->adapter;
	int ret;

	mutex_lock(&twin_buses_lock);
	if (twin_number_taken(bus->number)) {
		pr_err("i2c-twin: %s: there is an adapter %d already\n",
		       config_item_name(&bus->group.cg_item), bus->number);
		ret = -EBUSY;
		goto out;
	}

	memset(adapter, 0, sizeof(*adapter));
	adapter->owner = THIS_MODULE;
	adapter->algo = &twin_algorithm;
	adapter->nr = bus->number;
	adapter->timeout = msecs_to_jiffies(bus->timeout);
	adapter->dev.parent = bus->parent ? &bus->parent->dev : NULL;
	snprintf(adapter->name, sizeof(adapter->name), "i2c-twin %s",
		 config_item_name(&bus->group.cg_item));
	i2c_set_adapdata(adapter, bus);
	ret = i2c_add_numbered_adapter(adapter);
	if (!ret)
		list_add(&bus->node, &twin_buses);
out:
	mutex_unlock(&twin_buses_lock);
	return ret;
}

/**
 * twin_bus_enable - give an adapter to the I2C core
 * @bus: the adapter
 *
 * Return: 0, also when the core has it already; -EBUSY when its number is
 * taken or its removal is not done; -ENODEV when there is no such parent;
 * -ELOOP when that is one of ours.
 */
int twin_bus_enable(struct twin_bus *bus)
{
	int ret = 0;

	mutex_lock(&bus->state_lock);
	if (bus->state == TWIN_GOING)
		ret = -EBUSY;
	if (bus->state != TWIN_OFF)
		goto out;

	ret = twin_bus_find_parent(bus);
	if (ret)
		goto out;
	ret = twin_bus_add(bus);
	if (ret) {
		if (bus->parent)
			i2c_put_adapter(bus->parent);
		bus->parent = NULL;
		goto out;
	}
	bus->state = TWIN_ON;
out:
	mutex_unlock(&bus->state_lock);
	return ret;
}

/**
 * twin_bus_disable - take an adapter from the I2C core
 * @bus: the adapter
 *
 * The core does not let go of an adapter that a program has open. So that
 * nobody hangs until then, the removal is done in the background, and waited
 * for a moment only: what is transferred meanwhile still works.
 *
 * Return: 0, or -EINPROGRESS when it is not done yet.
 */
int twin_bus_disable(struct twin_bus *bus)
{
	bool off;

	mutex_lock(&bus->state_lock);
	if (bus->state == TWIN_ON) {
		bus->state = TWIN_GOING;
		reinit_completion(&bus->gone);
		config_item_get(&bus->group.cg_item);
		queue_work(twin_removals, &bus->removal);
	}
	off = bus->state == TWIN_OFF;
	mutex_unlock(&bus->state_lock);

	if (off || wait_for_completion_timeout(&bus->gone, TWIN_PATIENCE))
		return 0;
	pr_warn("i2c-twin: %s: somebody still has it open\n",
		config_item_name(&bus->group.cg_item));
	return -EINPROGRESS;
}

/**
 * twin_bus_attach - let a chip answer
 * @bus: its adapter
 * @chip: the chip
 *
 * Return: 0, -EDESTADDRREQ when it has no address, -EADDRINUSE when another
 * chip answers there, -ERANGE when its addresses end beyond 0x77.
 */
int twin_bus_attach(struct twin_bus *bus, struct twin_chip *chip)
{
	unsigned int i;

	lockdep_assert_held(&bus->lock);
	if (chip->enabled)
		return 0;
	if (!chip->address)
		return -EDESTADDRREQ;
	if (chip->address + chip->shape.addresses - 1 > 0x77)
		return -ERANGE;
	for (i = 0; i < chip->shape.addresses; i++) {
		if (bus->chips[chip->address + i])
			return -EADDRINUSE;
	}
	for (i = 0; i < chip->shape.addresses; i++)
		bus->chips[chip->address + i] = chip;
	chip->spoiled = 0;
	chip->enabled = true;
	return 0;
}

/**
 * twin_bus_detach - let a chip be silent
 * @bus: its adapter
 * @chip: the chip
 */
void twin_bus_detach(struct twin_bus *bus, struct twin_chip *chip)
{
	unsigned int i;

	lockdep_assert_held(&bus->lock);
	if (!chip->enabled)
		return;
	for (i = 0; i < chip->shape.addresses; i++)
		bus->chips[chip->address + i] = NULL;
	if (bus->stuck == chip)
		bus->stuck = NULL;
	chip->enabled = false;
}

int twin_bus_setup(void)
{
	twin_removals = alloc_workqueue("i2c-twin", WQ_UNBOUND, 0);
	return twin_removals ? 0 : -ENOMEM;
}

/* Who has an adapter open holds the module, so there is little to wait for. */
void twin_bus_cleanup(void)
{
	destroy_workqueue(twin_removals);
}
