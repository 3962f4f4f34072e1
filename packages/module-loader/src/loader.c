// SPDX-License-Identifier: Apache-2.0
/*
 * module-loader [-r] FILE.ko... [-- PARAMETER=VALUE...]
 *
 * Loads kernel modules in this order, the last one with the parameters; one that is loaded already is fine. With -r it
 * removes them, in the opposite order. No C library: the whole program is system calls, so that it runs on any Linux of its
 * architecture and an image needs nothing else.
 */

#if defined(__aarch64__)
enum { SYS_openat = 56, SYS_close = 57, SYS_write = 64, SYS_exit_group = 94, SYS_delete_module = 106, SYS_finit_module = 273 };

static long call(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory", "cc");
	return x0;
}

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl start\n");
#elif defined(__x86_64__)
enum { SYS_openat = 257, SYS_close = 3, SYS_write = 1, SYS_exit_group = 231, SYS_delete_module = 176, SYS_finit_module = 313 };

static long call(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
#else
#error "no system calls for this architecture"
#endif

#define AT_FDCWD (-100)
#define O_CLOEXEC 02000000
#define O_NONBLOCK 04000
#define MESSAGE 512
#define PARAMETERS 4096
#define NAME 64

enum { EPERM = 1, ENOENT = 2, ENOEXEC = 8, EWOULDBLOCK = 11, EBUSY = 16, EEXIST = 17, ENODEV = 19, EINVAL = 22, ENOSYS = 38 };

static char message[MESSAGE];
static char parameters[PARAMETERS];

static unsigned long length(const char *text)
{
	unsigned long count = 0;

	while (text[count])
		count++;
	return count;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Adds a text; what does not fit is cut off. Returns whether all of it did. */
static int add(char *to, unsigned long size, const char *text)
{
	unsigned long at = length(to);

	while (*text && at + 1 < size)
		to[at++] = *text++;
	to[at] = 0;
	return !*text;
}

static void say(int fd, const char *subject, const char *what)
{
	message[0] = 0;
	add(message, MESSAGE, "module-loader: ");
	add(message, MESSAGE, subject);
	add(message, MESSAGE, what);
	add(message, MESSAGE, "\n");
	call(SYS_write, fd, (long)message, (long)length(message), 0);
}

/* What an error of finit_module(2) or delete_module(2) mostly means. */
static const char *reason(long error)
{
	static char number[] = ": error 000";

	switch (error) {
	case EPERM:
		return ": not permitted; it takes the capability CAP_SYS_MODULE, and a kernel that still lets modules in";
	case ENOENT:
		return ": it needs a symbol that the kernel does not have; dmesg says which";
	case ENOEXEC:
		return ": it is for another kernel; dmesg says for which";
	case EWOULDBLOCK:
	case EBUSY:
		return ": busy";
	case ENODEV:
		return ": it finds no device to serve";
	case EINVAL:
		return ": it does not take these parameters; dmesg says which";
	case ENOSYS:
		return ": this kernel has no modules";
	}
	number[8] = (char)('0' + error / 100 % 10);
	number[9] = (char)('0' + error / 10 % 10);
	number[10] = (char)('0' + error % 10);
	return number;
}

static int load(const char *path, const char *with)
{
	long fd = call(SYS_openat, AT_FDCWD, (long)path, O_CLOEXEC, 0);
	long result;

	if (fd < 0) {
		say(2, path, ": cannot be read");
		return 1;
	}
	result = call(SYS_finit_module, fd, (long)with, 0, 0);
	call(SYS_close, fd, 0, 0, 0);
	if (result == -EEXIST)
		say(1, path, " is loaded already");
	else if (result < 0)
		say(2, path, reason(-result));
	else
		say(1, path, " is loaded");
	return result < 0 && result != -EEXIST;
}

/* The kernel's name of a module: that of its file, with underscores. */
static int unload(const char *path)
{
	char name[NAME];
	const char *base = path;
	unsigned long count = 0;
	long result;

	for (const char *at = path; *at; at++)
		if (*at == '/')
			base = at + 1;
	for (; base[count] && !same(base + count, ".ko") && count + 1 < NAME; count++)
		name[count] = base[count] == '-' ? '_' : base[count];
	name[count] = 0;
	result = call(SYS_delete_module, (long)name, O_NONBLOCK, 0, 0);
	if (result == -ENOENT)
		say(1, name, " is not loaded");
	else if (result < 0)
		say(2, name, reason(-result));
	else
		say(1, name, " is removed");
	return result < 0 && result != -ENOENT;
}

static int usage(void)
{
	say(2, "usage: module-loader [-r] FILE.ko... [-- PARAMETER=VALUE...]", "");
	return 2;
}

static int loader(int count, char **arguments)
{
	int remove = count > 1 && same(arguments[1], "-r");
	int first = remove ? 2 : 1;
	int end = first;
	int failed = 0;

	while (end < count && !same(arguments[end], "--"))
		end++;
	if (end == first)
		return usage();
	for (int at = end + 1; at < count; at++) {
		if (at > end + 1)
			add(parameters, PARAMETERS, " ");
		if (!add(parameters, PARAMETERS, arguments[at])) {
			say(2, "the parameters", " are too long");
			return 2;
		}
	}
	if (remove) {
		while (end > first)
			failed |= unload(arguments[--end]);
		return failed;
	}
	for (int at = first; at < end && !failed; at++)
		failed = load(arguments[at], at + 1 == end ? parameters : "");
	return failed;
}

/* The stack as the kernel leaves it: the count of arguments, then the arguments. */
__attribute__((noreturn, used)) void start(long *stack)
{
	call(SYS_exit_group, loader((int)stack[0], (char **)(stack + 1)), 0, 0, 0);
	for (;;)
		;
}
