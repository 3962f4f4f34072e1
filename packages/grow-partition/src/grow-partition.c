// SPDX-License-Identifier: Apache-2.0
/*
 * grow-partition PARTITION FOLDER
 *
 * Makes a partition as large as the free space behind it allows, and the ext4 on it, which is mounted on the folder. Where
 * there is nothing to do it takes a few system calls, so it can run at every start.
 *
 * The power may fail at any moment. The partition table changes by the write of one sector, which a card does or does not do;
 * the filesystem grows in transactions of its journal. Whatever was done is a valid state, and the next run goes on from it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTOR 512
/* Of ext4: a partition ends on one. */
#define BLOCK 4096
#define TABLE 446
#define ENTRY 16
/* fs/ext4/ext4.h; the kernel does not export it. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

/* A partition as the kernel knows it; in sectors. */
struct partition {
	char disk[PATH_MAX];
	unsigned number;
	uint64_t start, length;
};

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...)
{
	va_list arguments;
	int error = errno;

	fputs("grow-partition: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
	exit(1);
}

static uint32_t read32(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static void write32(uint8_t *at, uint32_t value)
{
	for (int byte = 0; byte < 4; byte++)
		at[byte] = value >> 8 * byte;
}

static uint64_t sysfs_number(dev_t device, const char *name)
{
	char path[PATH_MAX];
	uint64_t value;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(device), minor(device), name);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%" SCNu64, &value) != 1)
		fail("%s cannot be read", path);
	fclose(file);
	return value;
}

static struct partition find_partition(const char *path)
{
	char name[64], target[PATH_MAX];
	struct partition found;
	struct stat stats;
	ssize_t length;
	char *slash;

	if (stat(path, &stats) != 0)
		fail("%s", path);
	if (!S_ISBLK(stats.st_mode))
		errno = 0, fail("%s is no block device", path);
	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u", major(stats.st_rdev), minor(stats.st_rdev));
	length = readlink(name, target, sizeof(target) - 1);
	if (length < 0)
		fail("%s", name);
	target[length] = '\0';
	/* ../../devices/.../mmcblk0/mmcblk0p3 */
	slash = strrchr(target, '/');
	if (slash)
		*slash = '\0';
	slash = strrchr(target, '/');
	if (!slash)
		errno = 0, fail("%s is on no disk", path);
	snprintf(found.disk, sizeof(found.disk), "/dev/%s", slash + 1);
	found.number = sysfs_number(stats.st_rdev, "partition");
	found.start = sysfs_number(stats.st_rdev, "start");
	found.length = sysfs_number(stats.st_rdev, "size");
	return found;
}

/* How long the partition of an MBR can be. */
static uint64_t longest(const uint8_t *table, const struct partition *partition, uint64_t disk)
{
	uint64_t end = disk;

	for (unsigned number = 1; number <= 4; number++) {
		const uint8_t *entry = table + TABLE + (number - 1) * ENTRY;
		uint64_t start = read32(entry + 8);

		if (entry[4] && start > partition->start && start < end)
			end = start;
	}
	/* Lengths of an MBR have 32 bits. */
	if (end - partition->start > UINT32_MAX)
		end = partition->start + UINT32_MAX;
	return (end - partition->start) / (BLOCK / SECTOR) * (BLOCK / SECTOR);
}

/* Past the kernel's cache, so that it is this sector alone that is written, and is on the card afterwards. */
static void grow_entry(int disk, struct partition *partition)
{
	uint8_t *sector, *entry;
	uint64_t size, length;

	if (posix_memalign((void **)&sector, BLOCK, SECTOR) != 0)
		fail("no memory");
	if (pread(disk, sector, SECTOR, 0) != SECTOR)
		fail("the partition table of %s cannot be read", partition->disk);
	if (ioctl(disk, BLKGETSIZE64, &size) != 0)
		fail("%s has no size", partition->disk);
	errno = 0;
	if (sector[510] != 0x55 || sector[511] != 0xaa || partition->number < 1 || partition->number > 4)
		fail("partition %u of %s is not one of an MBR", partition->number, partition->disk);
	entry = sector + TABLE + (partition->number - 1) * ENTRY;
	if (entry[4] == 0xee)
		fail("the partition table of %s is a GPT", partition->disk);
	if (read32(entry + 8) != partition->start)
		fail("the partition table of %s is another one than the kernel has", partition->disk);
	length = longest(sector, partition, size / SECTOR);
	if (length <= read32(entry + 12)) {
		partition->length = read32(entry + 12);
		return;
	}
	/* The end in cylinders, heads and sectors: too far for them. */
	memcpy(entry + 5, "\xfe\xff\xff", 3);
	write32(entry + 12, length);
	if (pwrite(disk, sector, SECTOR, 0) != SECTOR)
		fail("the partition table of %s cannot be written", partition->disk);
	partition->length = length;
}

static void tell_kernel(int disk, const struct partition *partition)
{
	struct blkpg_partition changed = {
		.start = partition->start * SECTOR,
		.length = partition->length * SECTOR,
		.pno = partition->number,
	};
	struct blkpg_ioctl_arg argument = {
		.op = BLKPG_RESIZE_PARTITION,
		.datalen = sizeof(changed),
		.data = &changed,
	};

	if (ioctl(disk, BLKPG, &argument) != 0)
		fail("the kernel does not resize partition %u of %s", partition->number, partition->disk);
}

/* Blocks of the ext4, by its superblock (Documentation/filesystems/ext4/super.rst). */
static uint64_t filesystem_blocks(const char *path)
{
	uint8_t super[1024];
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0 || pread(file, super, sizeof(super), 1024) != sizeof(super))
		fail("%s cannot be read", path);
	close(file);
	errno = 0;
	if ((read32(super + 0x38) & 0xffff) != 0xef53 || read32(super + 0x18) != 2)
		fail("%s holds no ext4 with blocks of %d bytes", path, BLOCK);
	return read32(super + 0x04) | (uint64_t)read32(super + 0x150) << 32;
}

static void grow_filesystem(const char *path, const char *folder, uint64_t blocks)
{
	int mounted;

	if (filesystem_blocks(path) >= blocks)
		return;
	mounted = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mounted < 0)
		fail("%s", folder);
	if (ioctl(mounted, EXT4_IOC_RESIZE_FS, &blocks) != 0)
		fail("the filesystem on %s does not grow", folder);
	close(mounted);
}

int main(int count, char **words)
{
	struct partition partition;
	uint64_t before;
	int disk;

	if (count != 3) {
		fputs("usage: grow-partition PARTITION FOLDER\n", stderr);
		return 2;
	}
	partition = find_partition(words[1]);
	before = partition.length;
	disk = open(partition.disk, O_RDWR | O_DIRECT | O_SYNC | O_CLOEXEC);
	if (disk < 0)
		fail("%s", partition.disk);
	grow_entry(disk, &partition);
	if (partition.length > before)
		tell_kernel(disk, &partition);
	close(disk);
	grow_filesystem(words[1], words[2], partition.length / (BLOCK / SECTOR));
	return 0;
}
