// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests i2c-twin from outside, with nothing but its files and /dev/i2c-*.
 * Prints TAP. To be run as root with configfs mounted and the module loaded:
 *
 *	selftest [--parent NUMBER ADDRESS]
 *
 * With --parent, an adapter and the address of a chip on it: that transfers
 * are passed on to it is tested, too.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOT	"/sys/kernel/config/i2c-twin"
#define BUS	ROOT "/selftest"
#define CHIP	BUS "/chip"
#define ADDRESS	0x40

static int test_number;
static int failures;
static int checks_failed;
static int device = -1;

#define check(condition) \
	check_at((condition), #condition, __LINE__)
#define check_equal(got, wanted) \
	check_equal_at((long)(got), (long)(wanted), #got, __LINE__)

static bool check_at(bool good, const char *what, int line)
{
	if (!good) {
		printf("# line %d: not so: %s (errno %d)\n", line, what, errno);
		checks_failed++;
	}
	return good;
}

static void check_equal_at(long got, long wanted, const char *what, int line)
{
	if (got == wanted)
		return;
	printf("# line %d: %s is %#lx, not %#lx (errno %d)\n", line, what, got,
	       wanted, errno);
	checks_failed++;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns 0 or the errno. */
static int put(const char *path, const char *text)
{
	size_t length = strlen(text);
	int file = open(path, O_WRONLY);
	int error = 0;

	if (file < 0)
		return errno;
	while (length && !error) {
		ssize_t done = write(file, text, length);

		if (done < 0) {
			error = errno;
			break;
		}
		text += done;
		length -= done;
	}
	close(file);
	return error;
}

/* The same, again for a while as long as something is not done yet. */
static int put_at_last(const char *path, const char *text)
{
	int error;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		error = put(path, text);
		if (error != EBUSY && error != EINPROGRESS)
			break;
		usleep(20000);
	}
	return error;
}

static const char *get(const char *path)
{
	static char text[8192];
	int file = open(path, O_RDONLY);
	ssize_t length;

	text[0] = '\0';
	if (file < 0)
		return text;
	length = read(file, text, sizeof(text) - 1);
	text[length < 0 ? 0 : length] = '\0';
	close(file);
	return text;
}

static int script(const char *text)
{
	return put(CHIP "/script", text);
}

static int fault(const char *text)
{
	return put(CHIP "/fault", text);
}

static int bus_number(void)
{
	return atoi(get(BUS "/number"));
}

static int open_bus(int number)
{
	char path[32];
	int tries;
	int file;

	snprintf(path, sizeof(path), "/dev/i2c-%d", number);
	for (tries = 0; tries < 100; tries++) {
		file = open(path, O_RDWR);
		if (file >= 0 || errno != ENOENT)
			return file;
		usleep(10000);
	}
	return -1;
}

/* Transfers; returns 0 or the errno. */
static int transfer(struct i2c_msg *messages, int count)
{
	struct i2c_rdwr_ioctl_data data = { messages, count };

	return ioctl(device, I2C_RDWR, &data) == count ? 0 : errno;
}

static int write_to(int address, const uint8_t *bytes, int length)
{
	struct i2c_msg message = { address, 0, length, (uint8_t *)bytes };

	return transfer(&message, 1);
}

static int read_from(int address, uint8_t *bytes, int length)
{
	struct i2c_msg message = { address, I2C_M_RD, length, bytes };

	return transfer(&message, 1);
}

/* A register's address, then without a stop a read. */
static int read_register_at(int address, const uint8_t *pointer,
			    int pointer_length, uint8_t *bytes, int length)
{
	struct i2c_msg messages[] = {
		{ address, 0, pointer_length, (uint8_t *)pointer },
		{ address, I2C_M_RD, length, bytes },
	};

	return transfer(messages, 2);
}

static int read_register(uint8_t reg, uint8_t *bytes, int length)
{
	return read_register_at(ADDRESS, &reg, 1, bytes, length);
}

/* The value of a register of one byte, or minus the errno. */
static int peek(uint8_t reg)
{
	uint8_t byte;
	int error = read_register(reg, &byte, 1);

	return error ? -error : byte;
}

static int poke(uint8_t reg, uint8_t value)
{
	uint8_t bytes[] = { reg, value };

	return write_to(ADDRESS, bytes, 2);
}

static int smbus(bool read, uint8_t command, int size,
		 union i2c_smbus_data *data)
{
	struct i2c_smbus_ioctl_data arguments = {
		read ? I2C_SMBUS_READ : I2C_SMBUS_WRITE, command, size, data,
	};

	if (ioctl(device, I2C_SLAVE_FORCE, ADDRESS))
		return errno;
	return ioctl(device, I2C_SMBUS, &arguments) ? errno : 0;
}

/* The value of a line `name value` of the counters. */
static long counter(const char *name)
{
	const char *at = strstr(get(CHIP "/counters"), name);

	return at ? atol(at + strlen(name)) : -1;
}

/* Makes the adapter and a chip with this description; false when it cannot. */
static bool begin_with(const char *description)
{
	check(!mkdir(BUS, 0755));
	check(!mkdir(CHIP, 0755));
	check_equal(put(CHIP "/address", "0x40"), 0);
	check_equal(script(description), 0);
	check_equal(put(CHIP "/enabled", "1"), 0);
	check_equal(put(BUS "/enabled", "1"), 0);
	device = open_bus(bus_number());
	return check(device >= 0);
}

static void end(void)
{
	close(device);
	device = -1;
	rmdir(CHIP);
	check(!rmdir(BUS));
}

/* Adapters */

static void test_numbers(void)
{
	check(!mkdir(BUS, 0755));
	check_equal(bus_number(), -1);
	check_equal(put(BUS "/number", "77"), 0);
	check_equal(put(BUS "/enabled", "1"), 0);
	check_equal(bus_number(), 77);
	check_equal(put(BUS "/number", "78"), EBUSY);

	check(!mkdir(ROOT "/other", 0755));
	check_equal(put(ROOT "/other/number", "77"), 0);
	check_equal(put(ROOT "/other/enabled", "1"), EBUSY);
	check_equal(put(ROOT "/other/number", "-1"), 0);
	check_equal(put(ROOT "/other/enabled", "1"), 0);
	check(atoi(get(ROOT "/other/number")) >= 0);
	check_equal(put_at_last(ROOT "/other/enabled", "0"), 0);
	check(!rmdir(ROOT "/other"));

	check_equal(put_at_last(BUS "/enabled", "0"), 0);
	check_equal(put(BUS "/enabled", "1"), 0);
	check(!rmdir(BUS));
	check(access("/sys/bus/i2c/devices/i2c-77", F_OK));
}

static void test_functions(void)
{
	unsigned long functions = 0;

	check(!mkdir(BUS, 0755));
	check_equal(put(BUS "/functions", "0x10000000"), EOPNOTSUPP);
	check_equal(put(BUS "/functions", "0x0eff0009"), 0);
	check_equal(put(BUS "/enabled", "1"), 0);
	device = open_bus(bus_number());
	check(!ioctl(device, I2C_FUNCS, &functions));
	check_equal(functions, 0x0eff0009);
	close(device);
	check(!rmdir(BUS));
}

static void test_open_while_removed(void)
{
	char number[16];
	uint8_t byte;
	long begun;

	if (!begin_with("10: 5a"))
		return;
	snprintf(number, sizeof(number), "%d", bus_number());
	check(!rmdir(CHIP));
	check_equal(read_from(ADDRESS, &byte, 1), ENXIO);
	begun = now_ms();
	check(!rmdir(BUS));
	check(now_ms() - begun < 20000);
	check_equal(read_from(ADDRESS, &byte, 1), ENXIO);

	/* The number is not free until it is closed. */
	check(!mkdir(BUS, 0755));
	check_equal(put(BUS "/number", number), 0);
	check_equal(put(BUS "/enabled", "1"), EBUSY);
	close(device);
	check_equal(put_at_last(BUS "/enabled", "1"), 0);
	check_equal(bus_number(), atoi(number));
	check(!rmdir(BUS));
}

static void test_addresses(void)
{
	check(!mkdir(BUS, 0755));
	check(!mkdir(CHIP, 0755));
	check_equal(put(CHIP "/enabled", "1"), EDESTADDRREQ);
	check_equal(put(CHIP "/address", "0x02"), ERANGE);
	check_equal(put(CHIP "/address", "0x78"), ERANGE);
	check_equal(put(CHIP "/address", "0x77"), 0);
	check_equal(put(CHIP "/enabled", "1"), 0);
	check_equal(put(CHIP "/address", "0x40"), EBUSY);

	check(!mkdir(BUS "/other", 0755));
	check_equal(put(BUS "/other/address", "0x77"), 0);
	check_equal(put(BUS "/other/enabled", "1"), EADDRINUSE);
	check_equal(put(BUS "/other/script", "addresses 2"), 0);
	check_equal(put(BUS "/other/enabled", "1"), ERANGE);
	check_equal(put(CHIP "/enabled", "0"), 0);
	check_equal(put(BUS "/other/script", "addresses 1"), 0);
	check_equal(put(BUS "/other/enabled", "1"), 0);
	check(rmdir(BUS) && errno == ENOTEMPTY);
	check(!rmdir(BUS "/other"));
	check(!rmdir(CHIP));
	check(!rmdir(BUS));
}

static void test_detection(void)
{
	union i2c_smbus_data data;

	if (begin_with("00: 5a")) {
		check_equal(smbus(false, 0, I2C_SMBUS_QUICK, NULL), 0);
		check_equal(smbus(true, 0, I2C_SMBUS_BYTE, &data), 0);
		check_equal(data.byte, 0x5a);
		check_equal(put(CHIP "/enabled", "0"), 0);
		check_equal(smbus(false, 0, I2C_SMBUS_QUICK, NULL), ENXIO);
		check_equal(smbus(true, 0, I2C_SMBUS_BYTE, &data), ENXIO);
	}
	end();
}

static void test_errors_as_a_pi(void)
{
	uint8_t byte;

	check(!mkdir(BUS, 0755));
	check_equal(put(BUS "/nack_error", "121"), 0);
	check_equal(put(BUS "/enabled", "1"), 0);
	device = open_bus(bus_number());
	check_equal(read_from(ADDRESS, &byte, 1), EREMOTEIO);
	end();
}

/* Registers */

static void test_combined(void)
{
	uint8_t bytes[4] = { };
	uint8_t more[2] = { };

	if (begin_with("f7: 65 5a c0 7e ed 00")) {
		check_equal(read_register(0xf7, bytes, 4), 0);
		check(!memcmp(bytes, "\x65\x5a\xc0\x7e", 4));
		/* A read goes on where the last one ended. */
		check_equal(read_from(ADDRESS, more, 2), 0);
		check(!memcmp(more, "\xed\x00", 2));
		check_equal(write_to(ADDRESS, (uint8_t *)"\xfe\x11\x22\x33", 4),
			    0);
		check_equal(peek(0xfe), 0x11);
		check_equal(peek(0xff), 0x22);
		check_equal(peek(0x00), 0x33);
	}
	end();
}

static void test_two_chips_in_one_transfer(void)
{
	uint8_t pointer = 5, one, two;
	struct i2c_msg messages[] = {
		{ ADDRESS, 0, 1, &pointer },
		{ ADDRESS, I2C_M_RD, 1, &one },
		{ 0x41, 0, 1, &pointer },
		{ 0x41, I2C_M_RD, 1, &two },
	};

	if (begin_with("05: 01")) {
		check(!mkdir(BUS "/two", 0755));
		check_equal(put(BUS "/two/address", "0x41"), 0);
		check_equal(put(BUS "/two/script", "05: 02"), 0);
		check_equal(put(BUS "/two/enabled", "1"), 0);
		check_equal(transfer(messages, 4), 0);
		check_equal(one, 1);
		check_equal(two, 2);
		check(!rmdir(BUS "/two"));
	}
	end();
}

static void test_increment(void)
{
	uint8_t bytes[2];

	if (begin_with("size 128\npointer-mask 0x7f\nincrement 0x80 0x80\n"
		       "28: 01 02\n")) {
		check_equal(read_register(0x28, bytes, 2), 0);
		check(!memcmp(bytes, "\x01\x01", 2));
		check_equal(read_register(0xa8, bytes, 2), 0);
		check(!memcmp(bytes, "\x01\x02", 2));
	}
	end();
}

static void test_no_address(void)
{
	uint8_t bytes[3];

	if (begin_with("address-bits 0\nsize 1\nincrement never\n00: 0f\n")) {
		check_equal(read_from(ADDRESS, bytes, 2), 0);
		check(!memcmp(bytes, "\x0f\x0f", 2));
		check_equal(write_to(ADDRESS, (uint8_t *)"\xaa", 1), 0);
		check_equal(read_from(ADDRESS, bytes, 1), 0);
		check_equal(bytes[0], 0xaa);
	}
	end();
}

static void test_wide_registers(void)
{
	uint8_t bytes[4];
	union i2c_smbus_data data;

	if (begin_with("value-bits 16\nsize 4\nincrement never\n"
		       "00: 1960 60a0 4b00 5000\n")) {
		check_equal(read_register(0, bytes, 4), 0);
		check(!memcmp(bytes, "\x19\x60\x19\x60", 4));
		check_equal(peek(1), 0x60);
		check_equal(poke(1, 0x42), 0);
		check_equal(read_register(1, bytes, 2), 0);
		check(!memcmp(bytes, "\x42\xa0", 2));
		check_equal(smbus(true, 2, I2C_SMBUS_WORD_DATA, &data), 0);
		check_equal(data.word, 0x004b);
	}
	end();
	if (begin_with("value-bits 16\norder little\nsize 4\n00: 1234 5678")) {
		check_equal(read_register(0, bytes, 4), 0);
		check(!memcmp(bytes, "\x34\x12\x78\x56", 4));
	}
	end();
}

static void test_long_addresses(void)
{
	uint8_t bytes[2];

	if (begin_with("address-bits 16\nsize 0x1000\n0ffe: 11 22\n"
		       "0000: 33\n")) {
		check_equal(read_register_at(ADDRESS, (uint8_t *)"\x0f\xff", 2,
					     bytes, 2), 0);
		check(!memcmp(bytes, "\x22\x33", 2));
		check_equal(write_to(ADDRESS, (uint8_t *)"\x01\x02\x55", 3), 0);
		check_equal(read_register_at(ADDRESS, (uint8_t *)"\x01\x02", 2,
					     bytes, 1), 0);
		check_equal(bytes[0], 0x55);
	}
	end();
}

static void test_masks(void)
{
	if (begin_with("d0: 58 ff 0f\nread-only 0xd0-0xd1\nmask 0xd2 0x0c\n"
		       "20: ff\nclear-on-read 0x20 0xf0\n")) {
		check_equal(write_to(ADDRESS, (uint8_t *)"\xd0\x00\x00\xf0", 4),
			    0);
		check_equal(peek(0xd0), 0x58);
		check_equal(peek(0xd1), 0xff);
		check_equal(peek(0xd2), 0x03);
		check_equal(peek(0x20), 0xff);
		check_equal(peek(0x20), 0x0f);
	}
	end();
}

static void test_eeprom(void)
{
	uint8_t bytes[2];
	long begun;

	if (begin_with("addresses 2\nsize 512\nwrite-page 8\nwrite-cycle 500\n"
		       "100: a1\n")) {
		begun = now_ms();
		check_equal(write_to(ADDRESS, (uint8_t *)"\x0e\x01\x02\x03", 4),
			    0);
		check_equal(peek(0x0e), -ENXIO);
		while (write_to(ADDRESS, bytes, 0) && now_ms() - begun < 9000)
			;
		check(now_ms() - begun >= 500);
		check_equal(peek(0x0e), 1);
		check_equal(peek(0x0f), 2);
		/* It wrapped within the page. */
		check_equal(peek(0x08), 3);
		check_equal(read_register_at(0x41, (uint8_t *)"\x00", 1, bytes,
					     1), 0);
		check_equal(bytes[0], 0xa1);
	}
	end();
}

static void test_pages(void)
{
	if (begin_with("pages 2 0x7f 0x10-0x1f\n00: 77\n10: 01\npage 1\n"
		       "10: 02\n")) {
		check_equal(peek(0x10), 1);
		check_equal(poke(0x7f, 1), 0);
		check_equal(peek(0x10), 2);
		check_equal(peek(0x00), 0x77);
		check_equal(poke(0x10, 3), 0);
		check_equal(poke(0x7f, 0), 0);
		check_equal(peek(0x10), 1);
	}
	end();
}

static void test_smbus(void)
{
	union i2c_smbus_data data = { };

	if (begin_with("10: 04 61 62 63 64")) {
		data.byte = 0x42;
		check_equal(smbus(false, 0x30, I2C_SMBUS_BYTE_DATA, &data), 0);
		check_equal(smbus(true, 0x30, I2C_SMBUS_BYTE_DATA, &data), 0);
		check_equal(data.byte, 0x42);
		data.word = 0x1234;
		check_equal(smbus(false, 0x30, I2C_SMBUS_WORD_DATA, &data), 0);
		check_equal(peek(0x30), 0x34);
		check_equal(peek(0x31), 0x12);

		check_equal(smbus(true, 0x10, I2C_SMBUS_BLOCK_DATA, &data), 0);
		check_equal(data.block[0], 4);
		check(!memcmp(data.block + 1, "abcd", 4));
		data.block[0] = 5;
		check_equal(smbus(true, 0x10, I2C_SMBUS_I2C_BLOCK_DATA, &data),
			    0);
		check(!memcmp(data.block + 1, "\x04" "abcd", 5));
		/* No length that a block may have. */
		check_equal(smbus(true, 0x11, I2C_SMBUS_BLOCK_DATA, &data),
			    EPROTO);
	}
	end();
}

/* Hooks */

static void test_conversion(void)
{
	uint8_t bytes[2];

	if (begin_with("f7: 80 00\nread-only 0xf7-0xf8\nvar 0 0x1234\n"
		       "on write 0xf4 when w 3 & 1 = after 500 "
		       "do store 0xf7 2 v0 ; set 0xf4 r0xf4 0xfc &\n")) {
		check_equal(poke(0xf4, 0x25), 0);
		check_equal(peek(0xf4), 0x25);
		check_equal(peek(0xf7), 0x80);
		usleep(510000);
		check_equal(peek(0xf4), 0x24);
		check_equal(read_register(0xf7, bytes, 2), 0);
		check(!memcmp(bytes, "\x12\x34", 2));
		/* The wrong bits start nothing. */
		check_equal(script("var 0 0x5678"), 0);
		check_equal(poke(0xf4, 0x24), 0);
		usleep(510000);
		check_equal(peek(0xf7), 0x12);
	}
	end();
}

static void test_actions(void)
{
	uint8_t bytes[3];

	if (begin_with("10: 01 02 03\nsave\n"
		       "on write 0xe0 when w 0xb6 = do reset ; set 0xe0 0\n"
		       "on write 0x20 do copy 0x30 0x10 3 ; var 5 w 2 *\n"
		       "on read 0x40-0x41 do set 0x40 v5 ; set 0x41 n\n"
		       "on select 0x50 do set 0x50 r0x50 1 +\n"
		       "on write 0x60 do store 0x61 3 little 0x010203\n")) {
		check_equal(poke(0x20, 0x15), 0);
		check_equal(read_register(0x30, bytes, 3), 0);
		check(!memcmp(bytes, "\x01\x02\x03", 3));
		check_equal(peek(0x40), 0x2a);
		check_equal(peek(0x41), 0x41);
		check_equal(peek(0x50), 1);
		check_equal(peek(0x50), 2);
		check_equal(poke(0x60, 0), 0);
		check_equal(read_register(0x61, bytes, 3), 0);
		check(!memcmp(bytes, "\x03\x02\x01", 3));
		check_equal(poke(0x10, 0x99), 0);
		check_equal(poke(0xe0, 0xb6), 0);
		check_equal(peek(0x10), 1);
		check_equal(peek(0xe0), 0);
		check(strstr(get(CHIP "/variables"), "5 42\n") != NULL);
	}
	end();
}

/* What the expression @text gives, seen through a register. */
static int evaluate(const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "on read 0x01 do store 0x00 2 %s\n", text);
	check_equal(script(line), 0);
	peek(1);
	return peek(0) << 8 | peek(1);
}

static void test_expressions(void)
{
	if (begin_with("value-bits 8\n80: 07\nvar 3 -5\n")) {
		check_equal(evaluate("3 4 + 2 *"), 14);
		check_equal(evaluate("7 2 / 7 2 % + 10 -"), 0xfffa);
		check_equal(evaluate("0xff0 0x0f8 & 1 |"), 0xf1);
		check_equal(evaluate("1 12 << 3 >> 0xffff ^"), 0xfdff);
		check_equal(evaluate("0 ~ 0x0f &"), 0x0f);
		check_equal(evaluate("r0x80 0x80 r@ + 3 v@ + v3 -"), 14);
		check_equal(evaluate("1 2 < 2 1 > & 1 1 = & 1 2 != & 0 ! &"),
			    1);
		check_equal(evaluate("3 9 min 5 max"), 5);
		check_equal(evaluate("5 0 / 5 0 % |"), 0);
		check_equal(evaluate("-9 2 /"), 0xfffc);
		check_equal(evaluate("-9 1 >>"), 0xfffb);
		check_equal(evaluate("1 70 << 1 -1 << |"), 0);
		check_equal(evaluate("-0x7fffffffffffffff 1 - -1 /"), 0);
		check(evaluate("ms 0 >") == 1);
	}
	end();
}

static void test_clock(void)
{
	uint8_t bytes[7];

	if (begin_with("size 19\n"
		       "on select 0-6 do clock-read 0\n"
		       "on write 0-6 do clock-write 0\n")) {
		/* Tuesday, 2031-12-30, 23:59:50 */
		check_equal(write_to(ADDRESS, (uint8_t *)
				     "\x00\x50\x59\x23\x03\x30\x12\x31", 8), 0);
		check_equal(read_register(0, bytes, 7), 0);
		check(bytes[0] >= 0x50 && bytes[0] <= 0x59);
		check(!memcmp(bytes + 1, "\x59\x23\x03\x30\x12\x31", 6));
		sleep(11);
		check_equal(read_register(0, bytes, 7), 0);
		check(!memcmp(bytes + 1, "\x00\x00\x04\x31\x12\x31", 6));
	}
	end();
}

/* The description */

static void test_dump(void)
{
	uint8_t bytes[16];
	const char *dump =
		"     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f    "
		"0123456789abcdef\n"
		"00: 00 01 XX 23 34 45 56 67 78 89 9a ab bc cd de ef    "
		".#\"3DUfw x?????\n"
		"10: ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff    "
		"41 42 43 44 .   \n";

	if (begin_with(dump)) {
		check_equal(read_register(0, bytes, 16), 0);
		check(!memcmp(bytes, "\x00\x01\x00\x23\x34\x45\x56\x67\x78\x89"
			      "\x9a\xab\xbc\xcd\xde\xef", 16));
		check_equal(peek(0x1f), 0xff);
		check_equal(peek(0x20), 0x00);
	}
	end();
}

static void test_bad_lines(void)
{
	static const char *const lines[] = {
		"nonsense", "00: gg", "00: 123", "size 0", "size 257",
		"value-bits 12", "value-bits 40", "address-bits 24",
		"order middle", "write-page 3", "pages 0 0 0-1", "mask 0x100 1",
		"var 64 1", "var 0", "page 1", "on", "on write", "on jump 0 do",
		"on write 0 do", "on write 0 do set", "on write 0 do set 1",
		"on write 0 do set 1 +", "on write 0 do set 1 1 2",
		"on write 0 do set 0x100 1", "on write 5-4 do reset",
		"on write 0 do reset reset", "on write 0 do reset ;",
		"on write 0 when do reset", "on write 0 after do reset",
		"on write 0 do set 1 v64", "on write 0 do set 1 1 1 1 1 1 1 1 1 "
		"1 1 1 1 1 1 1 1 1 + + + + + + + + + + + + + + + +",
		"00: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10",
		"-1: 00", "increment sometimes", "addresses 0", "addresses 9",
	};
	size_t i;

	check(!mkdir(BUS, 0755));
	check(!mkdir(CHIP, 0755));
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		check_equal(script("erase"), 0);
		if (!check(script(lines[i]) == EINVAL))
			printf("# taken: %s\n", lines[i]);
	}
	check_equal(script("erase"), 0);
	check_equal(script("00: 01\n\n# a comment\nff: 01 02"), ERANGE);
	check(!strcmp(get(CHIP "/error"),
		      "line 4: there is no such register: ff: 01 02\n"));
	check_equal(script("size 4"), EBUSY);
	check_equal(fault("explode"), EINVAL);
	check(!strcmp(get(CHIP "/error"),
		      "line 1: not understood: explode\n"));
	check_equal(fault("nack after"), EINVAL);
	check_equal(fault("xor"), EINVAL);
	check(!rmdir(CHIP));
	check(!rmdir(BUS));
}

static void test_long_script(void)
{
	char text[16384];
	size_t at = 0;
	int i;

	/* Several times what configfs takes of one write. */
	for (i = 0; i < 256; i++)
		at += sprintf(text + at, "%02x: %02x # %s\n", i, 255 - i,
			      "so that the line is long");
	if (begin_with("")) {
		check_equal(script(text), 0);
		for (i = 0; i < 256; i++)
			check_equal(peek(i), 255 - i);
	}
	end();
}

static void test_registers_file(void)
{
	uint8_t bytes[256];
	int file;

	if (begin_with("fill 0x04-0xfe 0xee\n00: 01 02 03\nff: 99\n")) {
		file = open(CHIP "/registers", O_RDONLY);
		check_equal(read(file, bytes, sizeof(bytes)), 256);
		close(file);
		check(!memcmp(bytes, "\x01\x02\x03\x00\xee", 5));
		check_equal(bytes[255], 0x99);

		memset(bytes, 0x55, sizeof(bytes));
		file = open(CHIP "/registers", O_WRONLY);
		check_equal(write(file, bytes, sizeof(bytes)), 256);
		close(file);
		check_equal(peek(0x80), 0x55);
	}
	end();
}

static volatile bool stop;

static void *change(void *unused)
{
	while (!stop) {
		script("20: 00 00 00 00\n30: 00 00 00 00\n");
		script("20: ff ff ff ff\n30: ff ff ff ff\n");
	}
	return unused;
}

static void test_changes_are_whole(void)
{
	uint8_t bytes[0x14];
	pthread_t thread;
	int torn = 0;
	int seen[2] = { };
	int i;

	if (begin_with("")) {
		pthread_create(&thread, NULL, change, NULL);
		for (i = 0; i < 3000 || (i < 100000 && !(seen[0] && seen[1]));
		     i++) {
			if (read_register(0x20, bytes, sizeof(bytes)))
				torn++;
			torn += bytes[0] != bytes[3] || bytes[0] != bytes[0x10];
			seen[bytes[0] & 1]++;
		}
		stop = true;
		pthread_join(thread, NULL);
		check_equal(torn, 0);
		check(seen[0] && seen[1]);
	}
	end();
}

/* Faults */

static void test_nack(void)
{
	if (begin_with("00: 5a")) {
		check_equal(fault("nack after 2 times 3"), 0);
		check(!strcmp(get(CHIP "/fault"), "nack after 2 times 3\n"));
		check_equal(peek(0), 0x5a);
		check_equal(peek(0), 0x5a);
		check_equal(peek(0), -ENXIO);
		check_equal(peek(0), -ENXIO);
		check_equal(peek(0), -ENXIO);
		check_equal(peek(0), 0x5a);
		check_equal(fault("gone"), 0);
		check_equal(peek(0), -ENXIO);
		check_equal(fault("clear"), 0);
		check_equal(peek(0), 0x5a);
	}
	end();
}

static void test_nack_data(void)
{
	if (begin_with("")) {
		check_equal(fault("nack-data 2"), 0);
		check_equal(write_to(ADDRESS, (uint8_t *)"\x10\x11\x22", 3),
			    EIO);
		check_equal(poke(0x20, 1), 0);
		check_equal(peek(0x10), 0x11);
		check_equal(peek(0x11), 0x00);
	}
	end();
}

static void test_wrong_data(void)
{
	if (begin_with("10: 0f 0f 0f")) {
		check_equal(fault("xor 0xff 0x11-0x11 times 2"), 0);
		check_equal(peek(0x10), 0x0f);
		check_equal(peek(0x11), 0xf0);
		check_equal(peek(0x11), 0x0f);
	}
	end();
}

static void test_slow(void)
{
	long begun;

	if (begin_with("00: 5a")) {
		check_equal(fault("slow 200 times 1"), 0);
		begun = now_ms();
		check_equal(peek(0), 0x5a);
		check(now_ms() - begun >= 200);
		check_equal(fault("slow 5000"), 0);
		begun = now_ms();
		check_equal(peek(0), -ETIMEDOUT);
		check(now_ms() - begun >= 1000 && now_ms() - begun < 4000);
		/* A program's own limit, in units of 10 ms. */
		check(!ioctl(device, I2C_TIMEOUT, 10));
		begun = now_ms();
		check_equal(peek(0), -ETIMEDOUT);
		check(now_ms() - begun < 900);
	}
	end();
}

static void test_stuck(void)
{
	uint8_t byte;

	if (begin_with("00: 5a")) {
		check(!mkdir(BUS "/two", 0755));
		check_equal(put(BUS "/two/address", "0x41"), 0);
		check_equal(put(BUS "/two/enabled", "1"), 0);
		check(!ioctl(device, I2C_TIMEOUT, 2));
		check_equal(fault("stuck after 1"), 0);
		check_equal(peek(0), 0x5a);
		check_equal(read_from(0x41, &byte, 1), 0);
		check_equal(peek(0), -ETIMEDOUT);
		check_equal(read_from(0x41, &byte, 1), ETIMEDOUT);
		check_equal(fault("clear"), 0);
		check_equal(read_from(0x41, &byte, 1), 0);

		check_equal(fault("stuck times 3"), 0);
		check_equal(peek(0), -ETIMEDOUT);
		check_equal(read_from(0x41, &byte, 1), ETIMEDOUT);
		check_equal(peek(0), -ETIMEDOUT);
		check_equal(peek(0), 0x5a);

		/* Who holds the bus and is taken away holds it no more. */
		check_equal(fault("stuck"), 0);
		check_equal(peek(0), -ETIMEDOUT);
		check(!rmdir(CHIP));
		check_equal(read_from(0x41, &byte, 1), 0);
		check(!rmdir(BUS "/two"));
	}
	end();
}

static void test_counters(void)
{
	uint8_t bytes[4];

	if (begin_with("")) {
		check_equal(read_register(0, bytes, 4), 0);
		check_equal(poke(0, 1), 0);
		check_equal(fault("nack times 1"), 0);
		check_equal(peek(0), -ENXIO);
		check_equal(counter("transfers "), 3);
		check_equal(counter("reads "), 1);
		check_equal(counter("writes "), 2);
		check_equal(counter("bytes_read "), 4);
		check_equal(counter("bytes_written "), 3);
		check_equal(counter("nacks "), 1);
		check_equal(counter("faults "), 1);
		check_equal(put(CHIP "/counters", "0"), 0);
		check_equal(counter("transfers "), 0);
	}
	end();
}

/* Passing on */

static const char *parent_number;
static int parent_address;

static void test_parent(void)
{
	union i2c_smbus_data data;
	uint8_t pointer = 0, byte;
	char text[16];

	if (!parent_number)
		return;
	check(!mkdir(BUS, 0755));
	check(!mkdir(CHIP, 0755));
	check_equal(put(BUS "/parent", "9999"), 0);
	check_equal(put(BUS "/enabled", "1"), ENODEV);
	check_equal(put(BUS "/parent", parent_number), 0);
	check_equal(put(BUS "/enabled", "1"), 0);
	device = open_bus(bus_number());
	check(!ioctl(device, I2C_SLAVE_FORCE, parent_address));
	check(!ioctl(device, I2C_SMBUS, &(struct i2c_smbus_ioctl_data){
		I2C_SMBUS_READ, 0, I2C_SMBUS_BYTE_DATA, &data }));

	/* A chip of ours hides the one behind. */
	check_equal(script("00: a5 5a\n"), 0);
	snprintf(text, sizeof(text), "%d", parent_address);
	check_equal(put(CHIP "/address", text), 0);
	check_equal(put(CHIP "/enabled", "1"), 0);
	check_equal(read_register_at(parent_address, &pointer, 1, &byte, 1), 0);
	check_equal(byte, 0xa5);
	check(read_from(0x08, &byte, 1));

	/* One of ours is no parent. */
	check(!mkdir(ROOT "/other", 0755));
	snprintf(text, sizeof(text), "%d", bus_number());
	check_equal(put(ROOT "/other/parent", text), 0);
	check_equal(put(ROOT "/other/enabled", "1"), ELOOP);
	check(!rmdir(ROOT "/other"));
	end();
}

static void run(const char *name, void (*test)(void))
{
	long begun = now_ms();

	checks_failed = 0;
	test();
	printf("%sok %d - %s # %ld ms\n", checks_failed ? "not " : "",
	       ++test_number, name, now_ms() - begun);
	fflush(stdout);
	failures += checks_failed > 0;
	/* What a failed test left does not fail the others. */
	if (checks_failed) {
		close(device);
		rmdir(BUS "/two");
		rmdir(BUS "/other");
		rmdir(CHIP);
		rmdir(BUS);
		rmdir(ROOT "/other");
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--parent")) {
		parent_number = argv[2];
		parent_address = strtol(argv[3], NULL, 0);
	}
	if (access(ROOT, F_OK)) {
		printf("Bail out! there is no " ROOT "\n");
		return 1;
	}
	run("an adapter gets the number it asks for", test_numbers);
	run("an adapter says what it is told to be able to do", test_functions);
	run("an adapter goes though somebody has it open", test_open_while_removed);
	run("an address is used once", test_addresses);
	run("a chip is found by a quick write and by a read", test_detection);
	run("errors can be those of a Pi", test_errors_as_a_pi);
	run("a write and a read make one transfer", test_combined);
	run("a transfer can address two chips", test_two_chips_in_one_transfer);
	run("a bit of the address says whether it moves on", test_increment);
	run("a chip without register addresses", test_no_address);
	run("registers of two bytes", test_wide_registers);
	run("register addresses of two bytes", test_long_addresses);
	run("bits that cannot be written, bits that reading clears", test_masks);
	run("an EEPROM's pages, write cycle and second address", test_eeprom);
	run("pages of registers", test_pages);
	run("SMBus", test_smbus);
	run("a conversion takes its time and ends by itself", test_conversion);
	run("what hooks can do", test_actions);
	run("what expressions can compute", test_expressions);
	run("a clock goes", test_clock);
	run("what i2cdump printed is a description", test_dump);
	run("a bad line is refused and named", test_bad_lines);
	run("a long description comes in pieces", test_long_script);
	run("all registers as bytes", test_registers_file);
	run("several changes are one", test_changes_are_whole);
	run("fault: no answer", test_nack);
	run("fault: not all bytes are taken", test_nack_data);
	run("fault: wrong data", test_wrong_data);
	run("fault: slow", test_slow);
	run("fault: a stuck bus", test_stuck);
	run("counters", test_counters);
	run("what no chip answers goes on to the parent", test_parent);
	printf("1..%d\n", test_number);
	printf("# %d failed\n", failures);
	return failures > 0;
}
