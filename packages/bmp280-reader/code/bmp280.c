/* SPDX-License-Identifier: Apache-2.0 */
#include "bmp280.h"

static uint16_t word(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

struct bmp280_calibration bmp280_calibration(const uint8_t bytes[BMP280_CALIBRATION_SIZE])
{
	return (struct bmp280_calibration){
		.t1 = word(bytes),
		.t2 = (int16_t)word(bytes + 2),
		.t3 = (int16_t)word(bytes + 4),
		.p1 = word(bytes + 6),
		.p2 = (int16_t)word(bytes + 8),
		.p3 = (int16_t)word(bytes + 10),
		.p4 = (int16_t)word(bytes + 12),
		.p5 = (int16_t)word(bytes + 14),
		.p6 = (int16_t)word(bytes + 16),
		.p7 = (int16_t)word(bytes + 18),
		.p8 = (int16_t)word(bytes + 20),
		.p9 = (int16_t)word(bytes + 22),
	};
}

/* A value of 20 bits: two whole bytes and the upper half of a third. */
static int32_t raw(const uint8_t *bytes)
{
	return bytes[0] << 12 | bytes[1] << 4 | bytes[2] >> 4;
}

/* Temperature in the fine steps that the pressure is computed with. */
static int32_t fine_temperature(const struct bmp280_calibration *c, int32_t adc)
{
	int32_t coarse = ((adc >> 3) - ((int32_t)c->t1 << 1)) * c->t2 >> 11;
	int32_t offset = (adc >> 4) - c->t1;

	return coarse + ((offset * offset >> 12) * c->t3 >> 14);
}

static uint32_t pressure(const struct bmp280_calibration *c, int32_t adc, int32_t fine)
{
	int64_t t = (int64_t)fine - 128000;
	int64_t offset = t * t * c->p6 + t * c->p5 * 131072 + (int64_t)c->p4 * 34359738368;
	int64_t scale = (t * t * c->p3 >> 8) + t * c->p2 * 4096;
	int64_t p;

	scale = (((int64_t)1 << 47) + scale) * c->p1 >> 33;
	if (scale == 0)
		return 0; /* An unprogrammed chip: its constants are zero. */
	p = ((int64_t)(1048576 - adc) * 2147483648 - offset) * 3125 / scale;
	offset = (c->p9 * (p >> 13) * (p >> 13) >> 25) + (c->p8 * p >> 19);
	return (uint32_t)((p + offset) / 256 + (int64_t)c->p7 * 16);
}

struct bmp280_reading bmp280_compensate(const struct bmp280_calibration *calibration,
					const uint8_t bytes[BMP280_DATA_SIZE])
{
	int32_t fine = fine_temperature(calibration, raw(bytes + 3));

	return (struct bmp280_reading){
		.temperature = (fine * 5 + 128) >> 8,
		.pressure = pressure(calibration, raw(bytes), fine),
	};
}
