/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * i2c-twin - I2C adapters whose chips are register maps in memory
 *
 * Who owns what: an adapter (struct twin_bus) and a chip (struct twin_chip)
 * are configfs items and live as long as configfs refers to them; an adapter
 * that is being removed refers to its own item, too. Everything inside of a
 * chip is guarded by the lock of its bus. What is named twin_chip_*,
 * twin_hook*, twin_fault*, twin_clock_* and twin_script_* wants it held.
 */
#ifndef I2C_TWIN_H
#define I2C_TWIN_H

#include <linux/completion.h>
#include <linux/configfs.h>
#include <linux/i2c.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#define TWIN_ADDRESSES	0x80
#define TWIN_VARIABLES	64
#define TWIN_MEMORY_MAX	SZ_256K
#define TWIN_HOOKS_MAX	256

struct twin_bus;
struct twin_chip;

/* Expressions: what hooks compute, in postfix notation. */

/**
 * struct twin_moment - what an expression may ask about besides registers and variables
 * @written: the value that the program wrote to the register, before its write mask
 * @reg: the register that made the hook fire
 */
struct twin_moment {
	u32 written;
	u32 reg;
};

struct twin_expression;

/**
 * twin_expression_parse - read an expression
 * @words: what is left of the line; what was read is taken off
 * @until: the words that end an expression, NULL at the end of the list; the ending word stays
 *
 * Checked once and for all: as no operator branches, how deep the stack gets is known beforehand.
 *
 * Return: the expression, to be freed with kfree(), or an ERR_PTR().
 */
struct twin_expression *twin_expression_parse(char **words,
					      const char *const *until);
s64 twin_expression_value(const struct twin_expression *expression,
			  struct twin_chip *chip,
			  const struct twin_moment *moment);

/* Hooks: what a chip does by itself when it is spoken to. */

enum twin_event {
	TWIN_ON_WRITE,
	TWIN_ON_READ,
	TWIN_ON_SELECT,
};

/**
 * struct twin_hook - what happens after an access to a register
 * @node: in the hooks of the chip
 * @event: what sets it off
 * @first: the first register it is about
 * @last: the last one
 * @when: fires only when this is not 0; NULL: always
 * @delay: milliseconds until the actions
 * @actions: what is done, in order
 * @due: when the actions are to be done, 0 when they are not
 * @moment: that of the access
 */
struct twin_hook {
	struct list_head node;
	enum twin_event event;
	u32 first;
	u32 last;
	struct twin_expression *when;
	u32 delay;
	struct list_head actions;
	ktime_t due;
	struct twin_moment moment;
};

int twin_hook_parse(struct twin_chip *chip, char *line);
void twin_hooks_fire(struct twin_chip *chip, enum twin_event event,
		     const struct twin_moment *moment);
void twin_hooks_settle(struct twin_chip *chip);
void twin_hooks_free(struct twin_chip *chip);

/* Faults */

enum twin_fault_kind {
	TWIN_NACK,
	TWIN_NACK_DATA,
	TWIN_XOR,
	TWIN_STUCK,
	TWIN_SLOW,
	TWIN_FAULTS,
};

/**
 * struct twin_fault - something that goes wrong on demand
 * @on: whether it does
 * @after: how many transfers still go well
 * @times: how many it spoils then, 0: all
 * @value: bytes that are still taken, mask, or milliseconds
 * @first: the first register that is read wrong
 * @last: the last one
 */
struct twin_fault {
	bool on;
	u32 after;
	u32 times;
	u32 value;
	u32 first;
	u32 last;
};

int twin_fault_parse(struct twin_chip *chip, char *line);
ssize_t twin_faults_show(struct twin_chip *chip, char *page);
unsigned long twin_faults_next(struct twin_chip *chip);

/* Chips */

/**
 * struct twin_shape - how the registers of a chip are reached
 * @address_bytes: how many bytes of a write are the register's address: 0, 1 or 2
 * @addresses: how many I2C addresses it answers at; which one was used counts
 *	as the upper bits of the register's address
 * @width: bytes of a register
 * @little: whether a register's lowest byte is sent first
 * @size: how many registers there are
 * @pointer_mask: the bits of the address byte(s) that are the register's address
 * @increment_mask: bits of the address that say whether the pointer moves on
 * @increment_value: what they must be for that
 * @write_page: a write wraps around within so many registers; 0: it does not
 * @write_cycle: milliseconds for which the chip does not answer after a write
 * @pages: how many pages the paged registers have
 * @page_reg: the register that says which one is seen
 * @page_first: the first paged register
 * @page_last: the last one
 */
struct twin_shape {
	u8 address_bytes;
	u8 addresses;
	u8 width;
	bool little;
	u32 size;
	u32 pointer_mask;
	u32 increment_mask;
	u32 increment_value;
	u32 write_page;
	u32 write_cycle;
	u32 pages;
	u32 page_reg;
	u32 page_first;
	u32 page_last;
};

/**
 * struct twin_counters - what a chip has seen
 * @transfers: transfers that addressed it
 * @reads: messages that read from it
 * @writes: messages that wrote to it
 * @bytes_read: bytes it gave
 * @bytes_written: bytes it took, addresses of registers among them
 * @nacks: bytes and addresses that it did not acknowledge
 * @faults: transfers that a fault spoiled
 */
struct twin_counters {
	u64 transfers;
	u64 reads;
	u64 writes;
	u64 bytes_read;
	u64 bytes_written;
	u64 nacks;
	u64 faults;
};

/**
 * struct twin_chip - a chip
 * @item: its folder in configfs
 * @bus: the adapter it is on
 * @address: its (first) I2C address, 0 until it is given
 * @enabled: whether it answers
 * @shape: how its registers are reached
 * @filled: whether registers or hooks were loaded, so that the shape is settled
 * @memory: the registers, in the order of the bytes on the wire, page by page
 * @writable: which bits of them a program can write
 * @clear_on_read: which bits become 0 when they were read
 * @power_on: what they are after a reset
 * @load_page: the page that a script is loading
 * @hooks: what it does by itself
 * @hook_count: how many those are
 * @variable: numbers for hooks to compute with
 * @clock_offset: seconds that its clock is ahead of ours
 * @pointer: the register that is accessed next
 * @offset: the byte within it
 * @increment: whether the pointer moves on
 * @address_left: bytes of the register's address that are still to come
 * @address_so_far: those that came
 * @written: the bytes of the register that were written so far, as a value
 * @half_written: whether it is not written to its end yet
 * @data_written: whether this transfer wrote data
 * @bytes_taken: bytes that this transfer wrote
 * @busy_until: when it answers again after a write cycle
 * @fault: what is to go wrong
 * @spoiled: the faults of this transfer, one bit each
 * @transfer: the number of this transfer, of those of the bus
 * @counters: what it has seen
 * @error: what was wrong with the last line that was refused
 */
struct twin_chip {
	struct config_item item;
	struct twin_bus *bus;
	u16 address;
	bool enabled;

	struct twin_shape shape;
	bool filled;
	u8 *memory;
	u8 *writable;
	u8 *clear_on_read;
	u8 *power_on;
	u32 load_page;

	struct list_head hooks;
	unsigned int hook_count;
	s64 variable[TWIN_VARIABLES];
	time64_t clock_offset;

	u32 pointer;
	u8 offset;
	bool increment;
	u8 address_left;
	u32 address_so_far;
	u32 written;
	bool half_written;
	bool data_written;
	u32 bytes_taken;
	ktime_t busy_until;

	struct twin_fault fault[TWIN_FAULTS];
	unsigned long spoiled;
	u64 transfer;
	struct twin_counters counters;
	char error[128];
};

struct twin_chip *twin_chip_alloc(void);
void twin_chip_free(struct twin_chip *chip);
int twin_chip_reshape(struct twin_chip *chip, const struct twin_shape *shape);
int twin_chip_erase(struct twin_chip *chip);
void twin_chip_reset(struct twin_chip *chip);
size_t twin_chip_bytes(const struct twin_chip *chip);

u32 twin_chip_get(const struct twin_chip *chip, u32 reg);
void twin_chip_set(struct twin_chip *chip, u32 reg, u32 value);
u32 twin_chip_value(const struct twin_chip *chip, const u8 *bytes);
void twin_chip_bytes_of(const struct twin_chip *chip, u32 value, u8 *bytes);
size_t twin_chip_index(const struct twin_chip *chip, u32 page, u32 reg);
size_t twin_chip_seen(const struct twin_chip *chip, u32 reg);

void twin_chip_start(struct twin_chip *chip, unsigned int block, bool read);
int twin_chip_take(struct twin_chip *chip, unsigned int block, u8 byte);
u8 twin_chip_give(struct twin_chip *chip);
void twin_chip_stop(struct twin_chip *chip);
bool twin_chip_busy(const struct twin_chip *chip);

void twin_clock_read(struct twin_chip *chip, u32 reg);
void twin_clock_write(struct twin_chip *chip, u32 reg);

int twin_script_line(struct twin_chip *chip, char *line);
char *twin_word(char **line);
int twin_number(const char *word, u32 *value);
int twin_range(const char *word, u32 *first, u32 *last);

/* Adapters */

enum twin_state {
	TWIN_OFF,
	TWIN_ON,
	TWIN_GOING,
};

/**
 * struct twin_bus - an adapter
 * @group: its folder in configfs
 * @adapter: what the I2C core knows
 * @node: in the list of those that the core has
 * @state_lock: guards @state and all that the adapter is made from; taken
 *	before the lock of the list of adapters and that of the chips
 * @state: whether the core has it; TWIN_GOING: somebody still holds it
 * @number: the number it is to have, -1: any
 * @parent_number: the adapter that what no chip answers is passed on to, -1: none
 * @parent: that one, while @state is not TWIN_OFF
 * @functions: what it says it can do
 * @nack_error: the errno of what is not acknowledged, 0: ENXIO for an address and EIO for data
 * @timeout: milliseconds after which a transfer that does not get on is given up
 * @removal: takes the adapter from the core
 * @gone: completed when that is done
 * @lock: guards the chips and all that is in them
 * @chips: those that answer, by address
 * @stuck: the one that holds the bus
 * @transfer: counts transfers
 */
struct twin_bus {
	struct config_group group;
	struct i2c_adapter adapter;
	struct list_head node;
	struct mutex state_lock; /* see above */
	enum twin_state state;
	int number;
	int parent_number;
	struct i2c_adapter *parent;
	u32 functions;
	int nack_error;
	int timeout;
	struct work_struct removal;
	struct completion gone;

	struct mutex lock; /* see above */
	struct twin_chip *chips[TWIN_ADDRESSES];
	struct twin_chip *stuck;
	u64 transfer;
};

#define TWIN_FUNCTIONS \
	(I2C_FUNC_I2C | I2C_FUNC_SMBUS_EMUL | I2C_FUNC_SMBUS_READ_BLOCK_DATA | \
	 I2C_FUNC_SMBUS_BLOCK_PROC_CALL)

void twin_bus_init(struct twin_bus *bus);
int twin_bus_enable(struct twin_bus *bus);
int twin_bus_disable(struct twin_bus *bus);
int twin_bus_attach(struct twin_bus *bus, struct twin_chip *chip);
void twin_bus_detach(struct twin_bus *bus, struct twin_chip *chip);
int twin_bus_setup(void);
void twin_bus_cleanup(void);

#endif
