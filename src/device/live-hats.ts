import { Failure, fail, unwrap } from '../diagnostic.ts';
import { changeValues, spoilChip } from '../hat/change.ts';
import { type FaultOrder, parseFault } from '../hat/fault.ts';
import { type Output, outputsOf, parseLevels } from '../hat/gpio.ts';
import type { GpioLine, Hat, HatChip } from '../hat/hat.ts';
import { qmpChange, qmpCommands } from '../hat/qemu.ts';
import { registerAtStart } from '../hat/register.ts';
import { registerLines, twinChange, twinName } from '../hat/twin.ts';
import type { Qmp } from './qmp.ts';

/** What is to become different on the HATs of a board. */
export interface HatOrder {
  /** `enviro-phat.bmp280.temperature=31.5`. */
  readonly set?: readonly string[];
  /** A chip and its fault: `enviro-phat.bmp280`, `nack after 10`. */
  readonly fault?: readonly (readonly [chip: string, words: string])[];
}

/** What the HATs of a board measure at some time, and which of its chips fail. */
export interface HatState {
  readonly hats: readonly Hat[];
  /** By `HAT.CHIP`. */
  readonly faults: ReadonlyMap<string, FaultOrder>;
}

/** An order for `i2c-twin` on the board: the words of its command line. It hands those for `gpio` to `hat-gpio`. */
export type TwinOrder = readonly ['set' | 'fault' | 'gpio', first: string, ...words: string[]];

/** The way to `i2c-twin` on a board. */
export interface TwinLink {
  /** Waits until the board can be spoken to. Throws a `Failure`. */
  open(): Promise<void>;
  /** Has orders carried out, and gives what they printed. Throws a `Failure`. */
  send(orders: readonly TwinOrder[]): Promise<string>;
  /** The board starts anew: who is spoken to is gone. */
  restarted(): void;
  close(): void;
}

/** The HATs of a board that is on. */
export interface LiveHats {
  readonly state: HatState;
  /** The GPIO lines that the board drives, as they are now. Throws a `Failure`. */
  outputs(): Promise<readonly Output[]>;
  /** Waits until all that an order could ask for can be done. Throws a `Failure`. */
  reachable(): Promise<void>;
  /** Makes it so; orders are carried out one after the other. Throws a `Failure`, and then nothing or not all is so. */
  apply(order: HatOrder): Promise<void>;
  /** Back to an earlier state. */
  restore(state: HatState): Promise<void>;
  close(): void;
}

/**
 * The HATs of an emulated board, which measures `hats` from the start. What was changed is so again after each restart of
 * the board. `onProblem` hears when that fails.
 */
export function openLiveHats(
  hats: readonly Hat[],
  control: Qmp,
  link: TwinLink,
  onProblem: (failure: Failure) => void,
): LiveHats {
  let state: HatState = { hats, faults: new Map() };
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
    const result = turn.then(step);
    turn = result.catch(() => {});
    return result;
  };
  const carryOut = async (next: HatState, paths: ReadonlySet<string>): Promise<void> => {
    const orders = eachChip(next.hats).filter(({ path }) => paths.has(path));
    for (const { hat, chip } of orders) {
      for (const { execute, arguments: words } of qmpChange(hat, chip)) await control.execute(execute, words);
    }
    const lines = eachLine(next.hats).filter(({ path, line }) => paths.has(path) && line.direction === 'in');
    const twins = [
      ...orders.flatMap(({ path, chip }) => twinOrders(path, chip, state, next)),
      ...lines.map(({ line }): TwinOrder => ['gpio', 'set', String(line.line), String(line.initial)]),
    ];
    if (twins.length > 0) await link.send(twins);
    state = next;
  };
  const renew = async (): Promise<void> => {
    for (const { execute, arguments: words } of state.hats.flatMap(qmpCommands)) await control.execute(execute, words);
    const now = state;
    state = { hats, faults: new Map() };
    await carryOut(now, changedPaths(state, now));
  };
  const forget = control.onEvent(({ event }) => {
    if (event !== 'RESET') return;
    link.restarted();
    inTurn(renew).catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      onProblem(error);
    });
  });
  return {
    get state() {
      return state;
    },
    outputs: async () => {
      if (outputsOf(hats).length === 0) return [];
      return outputsOf(hats, parseLevels(await inTurn(() => link.send([['gpio', 'show']]))));
    },
    reachable: async () => {
      const there = hats.some(({ chips, gpio }) => gpio.length > 0 || chips.some(({ engine }) => engine === 'twin'));
      if (there) await inTurn(link.open);
    },
    apply: (order) =>
      inTurn(() => {
        const { next, paths } = ordered(state, order);
        return carryOut(next, paths);
      }),
    restore: (earlier) => inTurn(() => carryOut(earlier, changedPaths(state, earlier))),
    close: () => {
      forget();
      link.close();
    },
  };
}

/** Says no to what `i2c-twin` on the board refused. */
export function refused(said: string): Failure {
  return fail('device/twin', `the board refused: ${said || 'it did not say why'}`);
}

/** What an order makes of a state, and the chips (`HAT.CHIP`) and lines (`HAT.LINE`) that it speaks of. */
function ordered({ hats, faults }: HatState, { set = [], fault = [] }: HatOrder) {
  const next = { hats: unwrap(changeValues(hats, set)), faults: new Map(faults) };
  const settings = set.map((setting) => setting.replace(/=.*$/s, '').trim());
  const paths = new Set(settings.flatMap((path) => [path, path.replace(/\.[^.]*$/, '')]));
  for (const [path, words] of fault) {
    const { order } = unwrap(spoilChip(hats, path, words));
    if (order.words === NONE.words) next.faults.delete(path);
    else next.faults.set(path, order);
    paths.add(path);
  }
  return { next, paths };
}

const NONE = unwrap(parseFault('none'));

function changedPaths(from: HatState, to: HatState): Set<string> {
  const levels = new Map(eachLine(from.hats).map(({ path, line }) => [path, line.initial]));
  const lines = eachLine(to.hats).filter(({ path, line }) => levels.get(path) !== line.initial);
  const before = new Map(eachChip(from.hats).map(({ path, chip }) => [path, chip]));
  const changed = eachChip(to.hats).filter(
    ({ path, chip }) => before.get(path) !== chip || from.faults.get(path) !== to.faults.get(path),
  );
  return new Set([...changed, ...lines].map(({ path }) => path));
}

function eachChip(hats: readonly Hat[]): { hat: string; chip: HatChip; path: string }[] {
  return hats.flatMap(({ name, chips }) => chips.map((chip) => ({ hat: name, chip, path: `${name}.${chip.name}` })));
}

function eachLine(hats: readonly Hat[]): { line: GpioLine; path: string }[] {
  return hats.flatMap(({ name, gpio }) => gpio.map((line) => ({ line, path: `${name}.${line.name}` })));
}

/** A fault that is ordered once more counts from the beginning, even when it is the same. */
function twinOrders(path: string, chip: HatChip, from: HatState, to: HatState): TwinOrder[] {
  if (chip.engine !== 'twin') return [];
  const name = twinName(path.slice(0, -chip.name.length - 1), chip);
  const earlier = eachChip(from.hats).find((each) => each.path === path)?.chip.written ?? new Map<number, number>();
  const back = [...earlier.keys()].filter((register) => !chip.written?.has(register));
  const initial = new Map(back.map((register) => [register, registerAtStart(chip, register)]));
  const lines = [...registerLines(initial, chip.image), ...twinChange(chip)];
  const fault = to.faults.get(path);
  const orders = fault?.twin ?? (from.faults.has(path) ? NONE.twin : []);
  return [
    ...(lines.length > 0 ? [['set', name, ...lines] as const] : []),
    ...orders.map((order): TwinOrder => ['fault', name, order]),
  ];
}
