// SPDX-License-Identifier: GPL-2.0-only
/*
 * i2c-twin: a clock that goes, as the DS1307 and its many relatives have it
 *
 * Seven registers of one byte: seconds, minutes, hours, day of the week, day,
 * month, year, all in BCD, 24 hours. The clock is the system's own time and
 * an offset that setting it makes. The century bit of the month counts.
 */
#include <linux/bcd.h>
#include <linux/time.h>
#include <linux/timekeeping.h>

#include "i2c-twin.h"

#define TWIN_CENTURY	0x80

/* Puts the time of the clock into the registers from @reg on. */
void twin_clock_read(struct twin_chip *chip, u32 reg)
{
	struct tm tm;

	time64_to_tm(ktime_get_real_seconds() + chip->clock_offset, 0, &tm);
	twin_chip_set(chip, reg, bin2bcd(tm.tm_sec));
	twin_chip_set(chip, reg + 1, bin2bcd(tm.tm_min));
	twin_chip_set(chip, reg + 2, bin2bcd(tm.tm_hour));
	twin_chip_set(chip, reg + 3, bin2bcd(tm.tm_wday + 1));
	twin_chip_set(chip, reg + 4, bin2bcd(tm.tm_mday));
	twin_chip_set(chip, reg + 5, bin2bcd(tm.tm_mon + 1) |
		      (tm.tm_year >= 200 ? TWIN_CENTURY : 0));
	twin_chip_set(chip, reg + 6, bin2bcd(tm.tm_year % 100));
}

/* Sets the clock to what is in the registers from @reg on. */
void twin_clock_write(struct twin_chip *chip, u32 reg)
{
	u32 month = twin_chip_get(chip, reg + 5);
	int year = 2000 + bcd2bin(twin_chip_get(chip, reg + 6) & 0xff);
	time64_t time;

	if (month & TWIN_CENTURY)
		year += 100;
	time = mktime64(year, bcd2bin(month & 0x1f),
			bcd2bin(twin_chip_get(chip, reg + 4) & 0x3f),
			bcd2bin(twin_chip_get(chip, reg + 2) & 0x3f),
			bcd2bin(twin_chip_get(chip, reg + 1) & 0x7f),
			bcd2bin(twin_chip_get(chip, reg) & 0x7f));
	chip->clock_offset = time - ktime_get_real_seconds();
}
