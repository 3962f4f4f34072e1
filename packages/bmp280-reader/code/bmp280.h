/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BMP280_H
#define BMP280_H

#include <stdint.h>

/* Registers of the BMP280 (BST-BMP280-DS001, section 4.3). */
enum {
	BMP280_CALIBRATION = 0x88,
	BMP280_ID = 0xd0,
	BMP280_STATUS = 0xf3,
	BMP280_CONTROL = 0xf4,
	BMP280_DATA = 0xf7,
};

enum { BMP280_CALIBRATION_SIZE = 24, BMP280_DATA_SIZE = 6, BMP280_CHIP_ID = 0x58 };

/* Trimming constants, by the names of section 3.11.2. */
struct bmp280_calibration {
	uint16_t t1;
	int16_t t2, t3;
	uint16_t p1;
	int16_t p2, p3, p4, p5, p6, p7, p8, p9;
};

struct bmp280_reading {
	/* Hundredths of a degree Celsius. */
	int32_t temperature;
	/* Pascal, in 256ths. */
	uint32_t pressure;
};

/* The constants out of the registers that begin at BMP280_CALIBRATION. */
struct bmp280_calibration bmp280_calibration(const uint8_t bytes[BMP280_CALIBRATION_SIZE]);

/* What the registers that begin at BMP280_DATA mean: the integer arithmetic of section 3.11.3. */
struct bmp280_reading bmp280_compensate(const struct bmp280_calibration *calibration,
					const uint8_t bytes[BMP280_DATA_SIZE]);

#endif
