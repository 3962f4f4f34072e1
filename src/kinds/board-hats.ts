import { type Diagnostic, Failure, type SourceLocation } from '../diagnostic.ts';
import { addressesOf } from '../hat/addresses.ts';
import { changeSetting, spoilChip } from '../hat/change.ts';
import type { Hat } from '../hat/hat.ts';
import { hex } from '../hat/script.ts';
import type { NeededOption } from '../kconfig/needed.ts';
import { moduleKey } from '../module/module-info.ts';
import type { Board, BoardModule, Check, Package } from '../recipe/model.ts';

/** A HAT that a board has. */
export interface BoardHat {
  readonly hat: Hat;
  /** Places of its recipe. */
  readonly at: Package['at'];
  /** The line of the board that names it. */
  readonly namedAt: SourceLocation;
}

/** The overlay with the script that puts a HAT's chips on their bus in the emulator, and binds drivers to them. */
const OVERLAY = 'hats';

/**
 * What the HATs of a board need beside what each brings itself: lines of config.txt that the board does not have yet, and
 * kernel options.
 *
 * @throws Failure `hat/no-overlay`, `hat/address-taken` and `hat/line-taken` for HATs that do not go together, and what is
 *   wrong with the values and faults of the board's checks
 */
export function planBoardHats(
  board: Board,
  hats: readonly BoardHat[],
): { config: readonly string[]; options: readonly NeededOption[] } {
  const all = hats.map(({ hat }) => hat);
  const problems = [
    ...overlayMissing(board, hats),
    ...addressesTaken(hats),
    ...linesTaken(hats),
    ...board.checks.flatMap((check) => checkProblems(check, all)),
  ];
  if (problems.length > 0) throw new Failure(...problems);
  const wanted = hats.flatMap(({ hat }) => hat.real.config);
  const config = [...new Set(wanted)].filter((line) => !board.config.includes(line));
  return { config, options: hats.flatMap(optionsOf) };
}

/**
 * What `pibuild test` checks of every HAT: that its chips are there. Needs i2cdetect; without it a board has to check by
 * itself. A chip that a driver has is there, too.
 */
export function hatChecks(board: Board, hats: readonly BoardHat[]): Check[] {
  if (!board.packages.some(({ value }) => value === 'i2c-tools')) return [];
  return hats.flatMap(({ hat, at }): Check[] => {
    const addresses = hat.chips.flatMap((chip) => addressesOf(chip).map((address) => ({ bus: chip.bus, address })));
    if (addresses.length === 0) return [];
    const words = addresses.map(({ bus, address }) => `${bus}:${hex(address)}`).join(' ');
    const run = `for place in ${words}; do
  bus=\${place%:*} address=\${place#*:}
  i2cdetect -y $bus $address $address | grep -qwE "\${address#0x}|UU" || echo "nobody at $address on bus $bus"
done`;
    return [
      {
        name: `every chip of the HAT ${hat.name} answers`,
        owner: hat.name,
        at: at('chips'),
        run,
        matches: '^$(?![\\s\\S])',
        timeout: 60_000,
        retry: 0,
      },
    ];
  });
}

/** The modules of a board and those that its packages need; what the board says of one counts. */
export function withLoads(modules: readonly BoardModule[], loads: readonly BoardModule[]): BoardModule[] {
  const all = new Map<string, BoardModule>();
  for (const module of [...modules, ...loads]) {
    const key = moduleKey(module.name);
    if (!all.has(key)) all.set(key, module);
  }
  return [...all.values()];
}

function optionsOf({ hat, at }: BoardHat): NeededOption[] {
  return hat.real.kernel.map((line, index) => {
    const [, symbol = '', value = ''] = /^CONFIG_(\w+)=(.*)$/.exec(line) ?? [];
    return { symbol, value, by: `the HAT '${hat.name}'`, at: at('real', 'kernel', index) };
  });
}

/** Values that no chip of the board can have, and faults that are none. */
function checkProblems({ set = [], fault = [] }: Check, hats: readonly Hat[]): Diagnostic[] {
  const results = [
    ...set.map(({ value, at }) => ({ at, result: changeSetting(hats, value) })),
    ...fault.map(({ value: [chip, words], at }) => ({ at, result: spoilChip(hats, chip, words) })),
  ];
  return results.flatMap(({ at, result }) =>
    result.ok ? [] : result.diagnostics.map((diagnostic) => ({ ...diagnostic, at })),
  );
}

function overlayMissing(board: Board, hats: readonly BoardHat[]): Diagnostic[] {
  const [first] = hats.filter(({ hat }) => hat.chips.length + hat.gpio.length > 0);
  if (first === undefined || board.overlays.some(({ name }) => name === OVERLAY)) return [];
  return [
    {
      severity: 'error',
      code: 'hat/no-overlay',
      message: `the board has the HAT '${first.hat.name}', but not the overlay '${OVERLAY}', which sets it up at start`,
      at: first.namedAt,
      hint: `add '${OVERLAY}' to \`overlays\``,
    },
  ];
}

function addressesTaken(hats: readonly BoardHat[]): Diagnostic[] {
  const chips = hats.flatMap(({ hat, at }) =>
    hat.chips.flatMap((chip) =>
      addressesOf(chip).map((address) => ({
        owner: hat.name,
        key: `${chip.bus} ${address}`,
        name: `address ${hex(address)} on bus ${chip.bus}`,
        what: chip.name,
        at: at('chips', chip.name, 'address'),
      })),
    ),
  );
  return taken(chips, 'hat/address-taken');
}

function linesTaken(hats: readonly BoardHat[]): Diagnostic[] {
  const lines = hats.flatMap(({ hat, at }) =>
    hat.gpio.map(({ name, line }) => ({
      owner: hat.name,
      key: String(line),
      name: `GPIO ${line}`,
      what: name,
      at: at('gpio', name, 'line'),
    })),
  );
  return taken(lines, 'hat/line-taken');
}

interface Claim {
  readonly owner: string;
  readonly key: string;
  /** What is claimed, and what for. */
  readonly name: string;
  readonly what: string;
  readonly at: SourceLocation;
}

/** Two HATs that want the same; within one HAT its recipe was checked already. */
function taken(claims: readonly Claim[], code: string): Diagnostic[] {
  const seen = new Map<string, Claim>();
  return claims.flatMap((claim): Diagnostic[] => {
    const first = seen.get(claim.key);
    if (first === undefined) {
      seen.set(claim.key, claim);
      return [];
    }
    return [
      {
        severity: 'error',
        code,
        message: `${claim.name} is '${first.what}' of the HAT '${first.owner}' already`,
        at: claim.at,
        notes: [{ message: 'here it is first', at: first.at }],
        hint: 'a board can have only one of these two HATs, unless one of them can be changed',
      },
    ];
  });
}
