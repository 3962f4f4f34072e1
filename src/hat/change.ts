import { type Diagnostic, didYouMean, failure, type Result, success } from '../diagnostic.ts';
import { type FaultOrder, parseFault } from './fault.ts';
import { changeLevel, levelOf } from './gpio.ts';
import type { Hat, HatChip } from './hat.ts';
import type { Quantity } from './model.ts';
import { changeRegister, isRegister, registerQuantity } from './register.ts';
import { hex } from './script.ts';
import { checkValue } from './values.ts';

/** A HAT of which something was changed. */
export interface Change {
  readonly hat: Hat;
  readonly quantity: Quantity;
  readonly value: number;
}

/** A HAT of which one value was changed, and the chip that it is a value of. */
export interface ChipChange extends Change {
  readonly chip: HatChip;
}

/** A chip that is to have a fault. */
export interface Spoiled {
  readonly hat: Hat;
  readonly chip: HatChip;
  readonly order: FaultOrder;
}

/**
 * What `--set enviro-phat.bmp280.temperature=31.5` or, of a GPIO line, `--set panel.button=1` means.
 *
 * @returns the changed HAT, or diagnostics of `changeValue` and `changeLevel`
 */
export function changeSetting(hats: readonly Hat[], setting: string): Result<Change> {
  const [, path = '', name = '', written = ''] = /^([^=]+)\.([^.=]+)=(.*)$/s.exec(setting) ?? [];
  const hat = hats.find((each) => each.name === path.trim());
  if (hat === undefined || hat.gpio.length === 0) return changeValue(hats, setting);
  return changeLevel(hat, name.trim(), written);
}

/**
 * What `--set enviro-phat.bmp280.temperature=31.5` means, and `--set my-hat.odd.0x10=0x2a`, which is a register.
 *
 * @returns the changed HAT, or diagnostics `hat/bad-setting`, `hat/unknown-hat`, `hat/unknown-chip`,
 *   `hat/unknown-quantity`, `hat/bad-value`, `hat/value-range`, `hat/register`
 */
export function changeValue(hats: readonly Hat[], setting: string): Result<ChipChange> {
  const [, path = '', written = ''] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
  // A HAT's name may have dots, the others' may not.
  const parts = path.trim().split('.');
  const [hatName, chipName = '', quantityName = ''] = [parts.slice(0, -2).join('.'), ...parts.slice(-2)];
  if (hatName === '') {
    return problem('bad-setting', `expected HAT.CHIP.QUANTITY=VALUE, got '${setting}'`, exampleOf(hats));
  }
  const found = findChip(hats, hatName, chipName);
  if (!found.ok) return found;
  const { hat, chip } = found.value;
  if (!isRegister(quantityName)) return changeQuantity(hat, chip, quantityName, written);
  let wrong: Result<never> | undefined;
  const changed = changeRegister(hat, chip, Number(quantityName), written, (code, message, hint) => {
    wrong = problem(code, message, hint);
  });
  return changed ? success(changed) : (wrong ?? problem('bad-value', `bad value '${written}'`));
}

/**
 * What `pibuild fault enviro-phat.bmp280 nack after 10` means.
 *
 * @returns diagnostics of `changeValue`, and `hat/bad-fault`, `hat/no-fault`
 */
export function spoilChip(hats: readonly Hat[], path: string, words: string): Result<Spoiled> {
  const dot = path.lastIndexOf('.');
  if (dot <= 0) return problem('bad-setting', `expected HAT.CHIP, got '${path}'`, chipsHint(hats));
  const found = findChip(hats, path.slice(0, dot), path.slice(dot + 1));
  if (!found.ok) return found;
  const order = parseFault(words);
  if (!order.ok) return order;
  const { hat, chip } = found.value;
  if (chip.engine === 'twin') return success({ hat, chip, order: order.value });
  const hint = chip.model?.twin ? "with 'engine: twin' in its recipe it can" : undefined;
  return problem('no-fault', `'${chip.name}' is a chip that QEMU models, which cannot fail`, hint);
}

/** HATs of which one was changed. */
export function withChanged(hats: readonly Hat[], changed: Hat): Hat[] {
  return hats.map((hat) => (hat.name === changed.name ? changed : hat));
}

/** Several changes one after the other, with all that is wrong with any of them. */
export function changeValues(hats: readonly Hat[], settings: readonly string[]): Result<readonly Hat[]> {
  const problems: Diagnostic[] = [];
  let now = hats;
  for (const setting of settings) {
    const changed = changeSetting(now, setting);
    if (changed.ok) now = withChanged(now, changed.value.hat);
    else problems.push(...changed.diagnostics);
  }
  return problems.length > 0 ? failure(...problems) : success(now);
}

/** Something that can be set. */
export interface Settable {
  /** As `pibuild set` names it. */
  readonly path: string;
  readonly quantity: Quantity;
  readonly value: number;
}

/** Everything of some HATs that has a name to be set by, and the registers that were set. */
export function settable(hats: readonly Hat[]): Settable[] {
  return hats.flatMap(({ name, chips, gpio }): Settable[] => [
    ...chips.flatMap((chip) => [
      ...Object.entries(chip.model?.quantities ?? {}).map(([quantityName, quantity]) => ({
        path: `${name}.${chip.name}.${quantityName}`,
        quantity,
        value: chip.values[quantityName] ?? quantity.initial,
      })),
      ...[...(chip.written ?? [])].map(([register, value]) => ({
        path: `${name}.${chip.name}.${hex(register)}`,
        quantity: registerQuantity(chip, register),
        value,
      })),
    ]),
    ...gpio.flatMap((line) =>
      line.direction === 'in' ? [{ path: `${name}.${line.name}`, quantity: levelOf(line), value: line.initial }] : [],
    ),
  ]);
}

function findChip(hats: readonly Hat[], hatName: string, chipName: string): Result<{ hat: Hat; chip: HatChip }> {
  const hat = hats.find(({ name }) => name === hatName);
  if (hat === undefined) {
    const hint =
      hats.length === 0
        ? 'the board has none at all'
        : didYouMean(
            hatName,
            hats.map(({ name }) => name),
          );
    return problem('unknown-hat', `there is no HAT '${hatName}'`, hint);
  }
  const chip = hat.chips.find(({ name }) => name === chipName);
  if (chip !== undefined) return success({ hat, chip });
  const hint = didYouMean(
    chipName,
    hat.chips.map(({ name }) => name),
  );
  return problem('unknown-chip', `the HAT '${hat.name}' has no chip '${chipName}'`, hint);
}

function changeQuantity(hat: Hat, chip: HatChip, name: string, written: string): Result<ChipChange> {
  const quantities = chip.model?.quantities ?? {};
  const quantity = Object.hasOwn(quantities, name) ? quantities[name] : undefined;
  if (quantity === undefined) {
    const known = Object.keys(quantities);
    const hint = known.length === 0 ? 'it measures nothing' : didYouMean(name, known);
    return problem('unknown-quantity', `'${chip.name}' does not measure '${name}'`, hint);
  }
  let wrong: Result<never> | undefined;
  const value = checkValue(written, quantity, (code, message, hint) => {
    wrong = problem(code, message, hint);
  });
  if (wrong !== undefined || value === undefined) return wrong ?? problem('bad-value', `bad value '${written}'`);
  const changed = { ...chip, values: { ...chip.values, [name]: value } };
  const chips = hat.chips.map((each) => (each === chip ? changed : each));
  return success({ hat: { ...hat, chips }, chip: changed, quantity, value });
}

function exampleOf(hats: readonly Hat[]): string | undefined {
  const [first] = settable(hats);
  return first && `like ${first.path}=${first.value}`;
}

function chipsHint(hats: readonly Hat[]): string | undefined {
  const names = hats.flatMap(({ name, chips }) => chips.map((chip) => `${name}.${chip.name}`));
  return names.length === 0 ? undefined : `there are ${names.join(', ')}`;
}

function problem(code: string, message: string, hint?: string): Result<never> {
  const diagnostic: Diagnostic = { severity: 'error', code: `hat/${code}`, message };
  return failure({ ...diagnostic, ...(hint !== undefined && { hint }) });
}
