import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../../../src/diagnostic.ts';
import { parseConfig } from '../../../src/kconfig/config.ts';
import { mergeRequests, parseFragment } from '../../../src/kconfig/fragment.ts';
import { parseKconfig } from '../../../src/kconfig/language.ts';
import { checkNeeded } from '../../../src/kconfig/needed.ts';

const kconfig = `config I2C
	tristate "I2C support"
config IIO
	tristate "Industrial I/O support"
config BMP280
	tristate "Bosch pressure sensor"
	depends on IIO && I2C
config HZ
	int "Timer frequency"
config ELSEWHERE
	tristate "A chip of another processor"
	depends on X86
`;
const fragment = 'CONFIG_I2C=y\n# CONFIG_IIO is not set\nCONFIG_HZ=100\n';

function told(line: string): string {
  const [, symbol = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
  const requests = mergeRequests([parseFragment(fragment, 'base.config', 'kernel')]);
  const problems = checkNeeded(
    [{ symbol, value, by: "the HAT 'mine'", at: { file: 'package.yaml', line: 4, column: 12 } }],
    parseConfig('CONFIG_I2C=y\nCONFIG_HZ=100\n'),
    parseKconfig(new Map([['Kconfig', kconfig]]), 'Kconfig', { SRCARCH: 'arm64' }),
    new Map(requests.map((request) => [request.symbol, request])),
  );
  return problems.map(formatDiagnostic).join('\n');
}

describe('a kernel option that a HAT needs', () => {
  test.each(['I2C=m', 'I2C=y', 'HZ=100'])('is there: %s', (line) => {
    expect(told(line)).toBe('');
  });

  test('is off, and what to write is said with all it depends on', () => {
    expect(told('BMP280=m')).toMatchInlineSnapshot(`
      "package.yaml:4:12: error: the HAT 'mine' needs CONFIG_BMP280=m, and the board's kernel has it off [kernel/needed]
        Kconfig:5:1: note: CONFIG_BMP280, "Bosch pressure sensor"
        5 | config BMP280
          | ^^^^^^^^^^^^^
        hint: in a fragment of \`kernel.fragments\`, add CONFIG_BMP280=m, and change CONFIG_IIO to m (base.config:2)"
    `);
  });

  test('is a number, and another one', () => {
    expect(told('HZ=250')).toContain('has it as 100 [kernel/needed]');
    expect(told('HZ=250')).toContain('change CONFIG_HZ to 250 (base.config:3)');
  });

  test('is out of reach, or does not exist', () => {
    expect(told('ELSEWHERE=m')).toContain('no setting gives this kernel CONFIG_ELSEWHERE');
    expect(told('BMP208=m')).toMatch(/there is no symbol CONFIG_BMP208 .*\n.*did you mean 'BMP280'/);
  });
});
