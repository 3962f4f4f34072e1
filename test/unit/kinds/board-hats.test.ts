import { describe, expect, test } from 'vitest';
import { planSmall, taskOf } from '../../helpers/modules.ts';
import { complaint } from '../../helpers/recipes.ts';

const overlay = { 'overlays/hats/etc/hats': '' };

function hat(name: string, more: string): Record<string, string> {
  return { [`packages/${name}/package.yaml`]: `package: ${name}\nkind: hat\n${more}` };
}

const weather = hat(
  'weather',
  `chips: {air: {address: 0x77, model: bmp280}}
gpio: {led: {line: 4, direction: out}}
real: {config: [dtparam=i2c_arm=on, dtoverlay=x], kernel: [CONFIG_BMP280=m], modules: [bmp280-i2c]}
`,
);

describe('what a HAT needs of the board that has it', () => {
  test('its lines of config.txt come after those of the board, each once', () => {
    const { graph } = planSmall('packages: [weather, i2c-twin]\noverlays: [hats]\nconfig: [a=1, dtoverlay=x]\n', {
      ...overlay,
      ...weather,
    });
    const { inputs } = taskOf(graph, 'small:boot-files');
    expect(inputs['config.txt']).toMatchObject({
      text: "# Made by pibuild from the board 'small'.\na=1\ndtoverlay=x\ndtparam=i2c_arm=on\n",
    });
  });

  test('its modules are loaded, the twin is there on demand, and its kernel options are checked', () => {
    const board = 'packages: [weather, i2c-twin]\noverlays: [hats]\nmodules: [{name: i2c_twin, load: boot}]\n';
    const { graph } = planSmall(board, { ...overlay, ...weather });
    const named = (id: string) => taskOf(graph, id).params as { modules: { name: string; load?: string }[] };
    expect(named('small:modules-list').modules.map(({ name, load }) => [name, load])).toEqual([
      ['i2c_twin', 'boot'],
      ['bmp280-i2c', 'boot'],
      ['gpio-sim', 'demand'],
    ]);
    expect(taskOf(graph, 'small:modules-check').params).toMatchObject({
      options: [{ symbol: 'BMP280', value: 'm', by: "the HAT 'weather'", at: { line: 5, column: 60 } }],
    });
  });

  test('without the twin among the packages, the check of the modules is asked for it', () => {
    const { graph } = planSmall('packages: [weather]\noverlays: [hats]\n', { ...overlay, ...weather });
    expect(taskOf(graph, 'small:modules-check').params).toMatchObject({
      modules: [{ name: 'bmp280-i2c' }, { name: 'i2c-twin' }, { name: 'gpio-sim' }],
      packages: ['i2c-twin'],
    });
  });

  test('without the overlay that sets it up it would not be there', () => {
    expect(complaint(() => planSmall('packages: [weather]\n', weather))).toMatchInlineSnapshot(`
      "boards/small/board.yaml:3:12: error: the board has the HAT 'weather', but not the overlay 'hats', which sets it up at start [hat/no-overlay]
        3 | packages: [weather]
          |            ^^^^^^^
        hint: add 'hats' to \`overlays\`"
    `);
  });
});

describe('the checks of a board with HATs', () => {
  const board = (checks: string) => `packages: [weather, i2c-twin, i2c-tools]\noverlays: [hats]\nchecks:\n${checks}`;

  test('have one more for each HAT, where there is i2cdetect', () => {
    const files = { ...overlay, ...weather };
    const { checks } = planSmall(board('  - {name: mine, run: "true"}\n'), files);
    expect(checks.map(({ owner, name }) => `${owner}: ${name}`).at(-1)).toBe(
      'weather: every chip of the HAT weather answers',
    );
    expect(checks.at(-1)?.run).toContain('for place in 1:0x77; do');
    expect(planSmall('packages: [weather, i2c-twin]\noverlays: [hats]\n', files).checks).toEqual([]);
  });

  test('set only what can be measured and fail as a chip can, which is told before anything is built', () => {
    const checks = `  - name: an oven
    set: {weather.air.temperature: 200 °C}
    fault: {weather.air: nak}
    run: program
  - name: another board's
    set: {enviro-phat.bmp280.temperature: 20}
    run: program
`;
    expect(complaint(() => planSmall(board(checks), { ...overlay, ...weather }))).toMatchInlineSnapshot(`
      "boards/small/board.yaml:7:36: error: 200 °C is out of what the chip can measure (air temperature) [hat/value-range]
        7 |     set: {weather.air.temperature: 200 °C}
          |                                    ^^^^^^
        hint: it measures -40 °C to 85 °C

      boards/small/board.yaml:8:26: error: there is no fault 'nak' [hat/bad-fault]
        8 |     fault: {weather.air: nak}
          |                          ^^^
        hint: did you mean 'nack'?

      boards/small/board.yaml:11:43: error: there is no HAT 'enviro-phat' [hat/unknown-hat]
        11 |     set: {enviro-phat.bmp280.temperature: 20}
           |                                           ^^
        hint: known: weather"
    `);
  });

  test('have values for the time of a command alone', () => {
    const checks = '  - {name: an oven, set: {weather.air.temperature: 20}, expect: login}\n';
    expect(complaint(() => planSmall(board(checks), { ...overlay, ...weather }))).toContain(
      '`set` and `fault` are for the time of `run`',
    );
  });
});

describe('two HATs', () => {
  const other = hat(
    'other',
    'chips: {rom: {address: 0x54, model: at24, size: 1024}, more: {address: 0x77, registers: {0: 1}}}\ngpio: {eye: {line: 4, direction: in}}\n',
  );

  test('cannot have one address of a bus or one line', () => {
    const plan = () =>
      planSmall('packages: [weather, other]\noverlays: [hats]\n', { ...overlay, ...weather, ...other });
    expect(complaint(plan)).toMatchInlineSnapshot(`
      "packages/other/package.yaml:3:72: error: address 0x77 on bus 1 is 'air' of the HAT 'weather' already [hat/address-taken]
        3 | chips: {rom: {address: 0x54, model: at24, size: 1024}, more: {address: 0x77, registers: {0: 1}}}
          |                                                                        ^^^^
        packages/weather/package.yaml:3:24: note: here it is first
        3 | chips: {air: {address: 0x77, model: bmp280}}
          |                        ^^^^
        hint: a board can have only one of these two HATs, unless one of them can be changed

      packages/other/package.yaml:4:20: error: GPIO 4 is 'led' of the HAT 'weather' already [hat/line-taken]
        4 | gpio: {eye: {line: 4, direction: in}}
          |                    ^
        packages/weather/package.yaml:4:20: note: here it is first
        4 | gpio: {led: {line: 4, direction: out}}
          |                    ^
        hint: a board can have only one of these two HATs, unless one of them can be changed"
    `);
  });

  test('go together when every address is its own', () => {
    const third = hat('third', 'chips: {air: {address: 0x76, model: bmp280}}\n');
    const { hats } = planSmall('packages: [weather, third]\noverlays: [hats]\n', { ...overlay, ...weather, ...third });
    expect(hats.map(({ name }) => name)).toEqual(['weather', 'third']);
  });
});
