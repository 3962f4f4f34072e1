/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a BMP280 over /dev/i2c-N: each read is one transfer with a repeated start (I2C_RDWR), as the data sheet has
 * it (BST-BMP280-DS001, section 5.2.2). Prints `25.08 degC` and `1006.53 hPa`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/i2c-dev.h>
#include <linux/i2c.h>

#include "bmp280.h"

/* Both measured once, and then the chip sleeps again: oversampling 1, forced mode (section 4.3.4). */
#define MEASURE_ONCE 0x25
#define MEASURING 0x08
/* The longest measurement at oversampling 1 takes 6.4 ms (section 3.8.1). */
#define TRIES 20

static const char usage[] = "usage: bmp280-reader [bus [address]]\n"
			    "Prints temperature and pressure of a BMP280. Default: bus 1, address 0x77.\n";

struct chip {
	int device;
	uint16_t address;
};

static int transfer(const struct chip *chip, struct i2c_msg *messages, uint32_t count)
{
	struct i2c_rdwr_ioctl_data data = { .msgs = messages, .nmsgs = count };

	return ioctl(chip->device, I2C_RDWR, &data) == (int)count ? 0 : -1;
}

static int read_registers(const struct chip *chip, uint8_t first, uint8_t *bytes, uint16_t count)
{
	struct i2c_msg messages[] = {
		{ .addr = chip->address, .len = 1, .buf = &first },
		{ .addr = chip->address, .flags = I2C_M_RD, .len = count, .buf = bytes },
	};

	return transfer(chip, messages, 2);
}

static int write_register(const struct chip *chip, uint8_t reg, uint8_t value)
{
	uint8_t bytes[] = { reg, value };
	struct i2c_msg message = { .addr = chip->address, .len = sizeof(bytes), .buf = bytes };

	return transfer(chip, &message, 1);
}

/* Starts a measurement and waits for its end. */
static int measure(const struct chip *chip)
{
	uint8_t status = MEASURING;

	if (write_register(chip, BMP280_CONTROL, MEASURE_ONCE) < 0)
		return -1;
	for (int tries = 0; tries < TRIES && status & MEASURING; tries++) {
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		if (read_registers(chip, BMP280_STATUS, &status, 1) < 0)
			return -1;
	}
	if (!(status & MEASURING))
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

static int report(const struct chip *chip)
{
	uint8_t id, constants[BMP280_CALIBRATION_SIZE], data[BMP280_DATA_SIZE];
	struct bmp280_calibration calibration;
	struct bmp280_reading reading;

	if (read_registers(chip, BMP280_ID, &id, 1) < 0)
		return -1;
	if (id != BMP280_CHIP_ID) {
		fprintf(stderr, "bmp280-reader: 0x%02x: its id is 0x%02x, a BMP280's is 0x%02x\n", chip->address, id,
			BMP280_CHIP_ID);
		exit(EXIT_FAILURE);
	}
	if (read_registers(chip, BMP280_CALIBRATION, constants, sizeof(constants)) < 0 || measure(chip) < 0 ||
	    read_registers(chip, BMP280_DATA, data, sizeof(data)) < 0)
		return -1;
	calibration = bmp280_calibration(constants);
	reading = bmp280_compensate(&calibration, data);
	printf("%.2f degC\n%.2f hPa\n", reading.temperature / 100.0, reading.pressure / 25600.0);
	return 0;
}

static bool number(const char *text, long most, long *value)
{
	char *end;

	*value = strtol(text, &end, 0);
	return *text != '\0' && *end == '\0' && *value >= 0 && *value <= most;
}

int main(int argc, char **argv)
{
	long bus = 1, address = 0x77;
	char path[32];
	struct chip chip;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	if (argc > 3 || (argc > 1 && !number(argv[1], 255, &bus)) || (argc > 2 && !number(argv[2], 0x7f, &address))) {
		fputs(usage, stderr);
		return 2;
	}
	snprintf(path, sizeof(path), "/dev/i2c-%ld", bus);
	chip = (struct chip){ .device = open(path, O_RDWR | O_CLOEXEC), .address = (uint16_t)address };
	if (chip.device < 0) {
		fprintf(stderr, "bmp280-reader: %s: %s\n", path, strerror(errno));
		return EXIT_FAILURE;
	}
	if (report(&chip) < 0) {
		fprintf(stderr, "bmp280-reader: %s, chip at 0x%02x: %s\n", path, chip.address, strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
