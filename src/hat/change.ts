import { type Diagnostic, didYouMean, failure, type Result, success } from '../diagnostic.ts';
import type { Hat, HatChip } from './hat.ts';
import { checkValue } from './values.ts';

/** A HAT of which one value was changed, and the chip that it is a value of. */
export interface Change {
  readonly hat: Hat;
  readonly chip: HatChip;
}

/**
 * What `--set enviro-phat.bmp280.temperature=31.5` means.
 *
 * @returns the changed HAT, or diagnostics `hat/bad-setting`, `hat/unknown-chip`, `hat/unknown-quantity`,
 *   `hat/bad-value`, `hat/value-range`
 */
export function changeValue(hats: readonly Hat[], setting: string): Result<Change> {
  const [, path = '', written = ''] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
  // A HAT's name may have dots, the others' may not.
  const parts = path.split('.');
  const [hatName, chipName = '', quantityName = ''] = [parts.slice(0, -2).join('.'), ...parts.slice(-2)];
  if (hatName === '') {
    return problem('bad-setting', `expected HAT.CHIP.QUANTITY=VALUE, got '${setting}'`, exampleOf(hats));
  }
  const hat = hats.find(({ name }) => name === hatName);
  if (hat === undefined) {
    const hint = didYouMean(
      hatName,
      hats.map(({ name }) => name),
    );
    return problem('unknown-hat', `there is no HAT '${hatName}'`, hint);
  }
  const chip = hat.chips.find(({ name }) => name === chipName);
  if (chip === undefined) {
    const hint = didYouMean(
      chipName,
      hat.chips.map(({ name }) => name),
    );
    return problem('unknown-chip', `the HAT '${hat.name}' has no chip '${chipName}'`, hint);
  }
  return changeQuantity(hat, chip, quantityName, written);
}

function changeQuantity(hat: Hat, chip: HatChip, name: string, written: string): Result<Change> {
  const quantities = chip.model?.quantities ?? {};
  const quantity = Object.hasOwn(quantities, name) ? quantities[name] : undefined;
  if (quantity === undefined) {
    const hint = didYouMean(name, Object.keys(quantities));
    return problem('unknown-quantity', `'${chip.name}' does not measure '${name}'`, hint);
  }
  let wrong: Result<Change> | undefined;
  const value = checkValue(written, quantity, (code, message, hint) => {
    wrong = problem(code, message, hint);
  });
  if (wrong !== undefined || value === undefined) return wrong ?? problem('bad-value', `bad value '${written}'`);
  const changed = { ...chip, values: { ...chip.values, [name]: value } };
  const chips = hat.chips.map((each) => (each === chip ? changed : each));
  return success({ hat: { ...hat, chips }, chip: changed });
}

function exampleOf(hats: readonly Hat[]): string | undefined {
  for (const hat of hats) {
    for (const chip of hat.chips) {
      const [name] = Object.keys(chip.model?.quantities ?? {});
      if (name !== undefined) return `like ${hat.name}.${chip.name}.${name}=${chip.values[name]}`;
    }
  }
  return undefined;
}

function problem(code: string, message: string, hint?: string): Result<Change> {
  const diagnostic: Diagnostic = { severity: 'error', code: `hat/${code}`, message };
  return failure({ ...diagnostic, ...(hint !== undefined && { hint }) });
}
