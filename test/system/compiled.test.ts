import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { boardBench } from '../helpers/board.ts';
import { filesOf } from '../helpers/read-back.ts';

/** Two packages of a user's own, compiled for real: a library with a `configure`, and a program that links it. */

const BOARD = { 'boards/small/board.yaml': 'board: small\nextends: rpi3-minimal\npackages: [greeter]\n' };

const LIBRARY = {
  'packages/libgreet/package.yaml':
    'package: libgreet\nkind: autotools\nsource: {folder: code}\nconfigure: [--greeting=moin]\nsysroot: true\n',
  'packages/libgreet/code/configure':
    '#!/bin/sh\nfor word; do case $word in --greeting=*) greeting=$word ;; esac; done\n' +
    'echo $greeting | sed \'s/.*=/#define GREETING "/; s/$/"/\' > config.h\n',
  'packages/libgreet/code/greet.h': 'const char *greeting(void);\n',
  'packages/libgreet/code/greet.c': '#include "config.h"\nconst char *greeting(void) { return GREETING; }\n',
  'packages/libgreet/code/Makefile': `libgreet.a: greet.o
	$(AR) rcs $@ $^
install:
	install -D -m 644 libgreet.a $(DESTDIR)/usr/lib/libgreet.a
	install -D -m 644 greet.h $(DESTDIR)/usr/include/greet.h
`,
};

const PROGRAM = {
  'packages/greeter/package.yaml': `package: greeter
kind: make
depends: [libgreet]
source: {folder: code}
remove: [usr/bin/*.pl]
files: files
`,
  'packages/greeter/code/main.c':
    '#include <stdio.h>\n#include <greet.h>\nint main(void) { puts(greeting()); return 0; }\n',
  // As makefiles are: the compiler fixed, flags of its own.
  'packages/greeter/code/Makefile': `CC = gcc
CFLAGS += -Wall
greeter: main.c
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lgreet
install:
	install -D greeter $(DESTDIR)/usr/bin/greeter
	install -D main.c $(DESTDIR)/usr/bin/helper.pl
	install -D -m 644 main.c $(DESTDIR)/usr/share/man/man1/greeter.1
`,
  'packages/greeter/files/etc/init.d/S60greeter': 'greeter\n',
};

function benchOf(files: Readonly<Record<string, string>>) {
  const bench = boardBench({ ...BOARD, ...LIBRARY, ...files }, 'small');
  chmodSync(join(bench.folder, 'packages/libgreet/code/configure'), 0o755);
  return bench;
}

test('a program is compiled for the board against what it depends on, and only what runs goes into the root', async () => {
  const bench = benchOf(PROGRAM);
  const layer = readFileSync(await bench.path('greeter:build', 'layer'));
  const files = filesOf(layer);
  expect([...files.keys()].map((path) => path.replace(/^\.\//, '')).sort()).toEqual([
    'etc/init.d/S60greeter',
    'usr/bin/greeter',
  ]);
  const program = files.get('./usr/bin/greeter') ?? files.get('usr/bin/greeter') ?? Buffer.of();
  // ELF(5): the magic number, and e_machine 183, EM_AARCH64.
  expect(program.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  expect(program.readUInt16LE(18)).toBe(183);
  expect(program.includes('moin')).toBe(true);
  expect(program.includes('.symtab')).toBe(false);
});

test('a glob of what to remove that matches nothing fails the build', async () => {
  const recipe = PROGRAM['packages/greeter/package.yaml'].replace('*.pl', '*.py');
  const bench = benchOf({ ...PROGRAM, 'packages/greeter/package.yaml': recipe });
  const { ok, tail } = await bench.build('greeter:build');
  expect(ok).toBe(false);
  expect(tail.join('\n')).toContain("nothing that is installed matches 'usr/bin/*.py'");
});
