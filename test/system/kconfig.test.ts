import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatDiagnostic } from '../../src/diagnostic.ts';
import { parseConfig } from '../../src/kconfig/config.ts';
import { boardBench } from '../helpers/board.ts';

/** A small busybox, configured and compiled in the sandbox. */
const recipe = `
package: tiny
kind: kconfig
source:
  archive: debian
  path: pool/main/b/busybox/busybox_1.37.0.orig.tar.bz2
  sha256: 3311dff32e746499f4df0d5df04d7eb396382d7e108bb9250e7b519b837043a4
  size: 2565764
fragments: [first.config, second.config]
make: { variables: { CONFIG_PREFIX: $STAGE } }
`;

function tiny(first: string, second: string) {
  const files = {
    'boards/small/board.yaml': 'board: small\npackages: [tiny]\n',
    'packages/tiny/package.yaml': recipe,
    'packages/tiny/first.config': first,
    'packages/tiny/second.config': second,
  };
  return boardBench(files, 'small');
}

const small = 'CONFIG_ECHO=y\nCONFIG_VI=y\nCONFIG_FEATURE_VI_SEARCH=y\nCONFIG_INSTALL_APPLET_SYMLINKS=y\n';

test('what no fragment names is n; numbers and texts that nobody gave have their defaults; the last fragment counts', async () => {
  const config = parseConfig(
    readFileSync(await tiny(small, '# CONFIG_ECHO is not set\nCONFIG_CAT=y\n').path('tiny:check', 'config'), 'utf8'),
  );
  const on = [...config].flatMap(([name, value]) => (value === 'y' ? [name] : []));
  expect(on.sort()).toEqual(
    [
      ...['CAT', 'VI', 'FEATURE_VI_SEARCH'],
      // Nobody can switch this one off.
      'HAVE_DOT_CONFIG',
      // Of each choice one is on: the first, or the one that was asked for.
      ...['BASH_IS_NONE', 'SH_IS_ASH', 'FEATURE_BUFFERS_USE_MALLOC', 'NO_DEBUG_LIB', 'TRY_LOOP_CONFIGURE'],
      'INSTALL_APPLET_SYMLINKS',
      // SH_IS_ASH selects it.
      'SHELL_ASH',
    ].sort(),
  );
  expect(config.get('FEATURE_VI_MAX_LEN')).toBe('4096');
});

test('a symbol that busybox drops is told as the kernel’s are', async () => {
  const { ok, diagnostics } = await tiny('CONFIG_FEATURE_HTTPD_CGI=y\n', 'CONFIG_ASHH=y\n').build('tiny:check');
  expect(ok).toBe(false);
  const told = diagnostics.map(formatDiagnostic).join('\n');
  expect(told).toMatch(
    /first\.config:1:1: error: CONFIG_FEATURE_HTTPD_CGI was asked for as y, but is n: it depends on HTTPD/,
  );
  expect(told).toMatch(/networking\/Config\.in:\d+:1: note: HTTPD is n, "httpd/);
  expect(told).toContain('hint: add CONFIG_HTTPD=y');
  expect(told).toContain('[kconfig/symbol-dropped]');
  expect(told).toMatch(
    /second\.config:1:1: error: there is no symbol CONFIG_ASHH \[.*\n.*\n.*\n +hint: did you mean CONFIG_ASH\?/,
  );
});

test('it is compiled for the board, and installed with its links', async () => {
  const layer = await tiny(small, '').path('tiny:build', 'layer');
  const listing = execFileSync('tar', ['-tvf', layer]).toString();
  expect(listing).toMatch(/^-rwxr-xr-x 0\/0 .* \.\/bin\/busybox$/m);
  expect(listing).toMatch(/^l.* \.\/bin\/echo -> busybox$/m);
  const program = execFileSync('tar', ['-xOf', layer, './bin/busybox']);
  expect(program.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  expect(program.readUInt16LE(18)).toBe(183);
});
