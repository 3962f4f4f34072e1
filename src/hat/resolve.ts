import { type Diagnostic, didYouMean, Failure, type SourceLocation, sortDiagnostics } from '../diagnostic.ts';
import type { Package } from '../recipe/model.ts';
import { addressCount, addressesOf } from './addresses.ts';
import type { GpioLine, Hat, HatChip } from './hat.ts';
import type { ChipModel, ChipSettings, Specimen } from './model.ts';
import { chipModels } from './models/index.ts';
import { type ChipReport, chipReport } from './problems.ts';
import { type ReadDump, readDump, resolveImage } from './registers.ts';
import type { ChipRecipe, HatRecipe } from './schema.ts';
import { hex } from './script.ts';
import { resolveValues } from './values.ts';

/**
 * A HAT's recipe as it is meant, with defaults filled in.
 *
 * @throws Failure with all that is wrong: `hat/address-taken`, `hat/address-range`, `hat/no-registers`,
 *   `hat/unknown-model`, `hat/value-range`, `hat/bad-dump` and more
 */
export function resolveHat(pack: Package<HatRecipe>, read: ReadDump): Hat {
  const { recipe } = pack;
  const problems: Diagnostic[] = [];
  const chips = Object.entries(recipe.chips ?? {}).map(([name, chip]) => {
    const report = chipReport(problems, (...path) => pack.at('chips', name, ...path));
    return resolveChip(name, chip, { read, report, problems });
  });
  checkAddresses(chips, pack, problems);
  const gpio = resolveGpio(recipe, pack, problems);
  if (problems.length > 0) throw new Failure(...sortDiagnostics(problems));
  const { config = [], kernel = [], modules = [] } = recipe.real ?? {};
  return { name: pack.name, chips, gpio, real: { config, kernel, modules } };
}

interface ChipContext {
  readonly read: ReadDump;
  readonly report: ChipReport;
  readonly problems: Diagnostic[];
}

function resolveChip(name: string, recipe: ChipRecipe, context: ChipContext): HatChip {
  const model = modelOf(name, recipe, context.report);
  const dump = readDump(recipe, context);
  const specimen = dump?.valueBits === 8 ? model?.twin?.read?.(dump.registers) : undefined;
  const settings = settingsOf(recipe, model, specimen, context.report);
  const engine = engineOf(recipe, model, context.report);
  checkAddress(name, recipe, model, settings, context.report);
  const image = resolveImage(recipe, model, settings, dump, context.report);
  const values = model ? resolveValues(model, recipe.values ?? {}, specimen?.values ?? {}, context.report) : {};
  if (model === undefined && recipe.model === undefined && recipe.values !== undefined) {
    context.report('no-model', `'${name}' has values, but no model that could measure them`, ['values']);
  }
  const driver = driverOf(recipe, model, context.report);
  return {
    name,
    bus: recipe.bus ?? 1,
    address: recipe.address,
    engine,
    ...(model && { model }),
    settings,
    values,
    ...(engine === 'twin' && { image }),
    ...(driver !== undefined && { driver }),
  };
}

function modelOf(name: string, recipe: ChipRecipe, report: ChipReport): ChipModel | undefined {
  const model = recipe.model === undefined ? undefined : chipModels.get(recipe.model);
  if (recipe.model !== undefined && model === undefined) {
    const hint = didYouMean(recipe.model, chipModels.keys());
    report('unknown-model', `unknown model of chip '${recipe.model}'`, ['model'], { hint });
  }
  if (recipe.model === undefined && recipe.registers === undefined && recipe.dump === undefined) {
    const hint = `give it a model (${[...chipModels.keys()].sort().join(', ')}), registers or a dump`;
    report('no-registers', `the chip '${name}' has no registers`, [], { hint });
  }
  return model;
}

function settingsOf(
  recipe: ChipRecipe,
  model: ChipModel | undefined,
  specimen: Specimen | undefined,
  report: ChipReport,
): ChipSettings {
  const known = model?.calibration ?? {};
  for (const [name, value] of Object.entries(recipe.calibration ?? {})) {
    const constant = Object.hasOwn(known, name) ? known[name] : undefined;
    if (constant === undefined) {
      const hint = didYouMean(name, Object.keys(known)) ?? 'it has none at all';
      report('calibration', `there is no trimming constant '${name}'`, ['calibration', name], { hint });
    } else if (value < constant.min || value > constant.max) {
      const hint = `it is ${constant.min} to ${constant.max}`;
      report('calibration', `${name} cannot be ${value}`, ['calibration', name], { hint });
    }
  }
  const sizes = model?.sizes ?? [];
  if (recipe.size !== undefined && !sizes.includes(recipe.size)) {
    const hint = sizes.length > 0 ? `known: ${[...sizes].sort((a, b) => a - b).join(', ')}` : 'only memories have one';
    report('size', `there is no such chip of ${recipe.size} bytes`, ['size'], { hint });
  }
  const typical = Object.entries(known).map(([name, constant]): [string, number] => [name, constant.typical]);
  const calibration = { ...Object.fromEntries(typical), ...specimen?.calibration, ...recipe.calibration };
  return { calibration, size: recipe.size ?? sizes[0] ?? 0 };
}

function engineOf(recipe: ChipRecipe, model: ChipModel | undefined, report: ChipReport): HatChip['engine'] {
  const engine = recipe.engine ?? (model && !model.twin ? 'qemu' : 'twin');
  const isKnown = model !== undefined || recipe.model === undefined;
  if (engine === 'qemu' && model?.qemu === undefined && isKnown) {
    const hint = `it has ${[...chipModels.values()].flatMap(({ name, qemu }) => (qemu ? [name] : [])).join(', ')}`;
    report('engine', `QEMU has no device for ${model ? `a ${model.name}` : 'registers alone'}`, ['engine'], { hint });
  }
  if (engine === 'twin' && model && !model.twin) {
    report('engine', `only QEMU has a ${model.name}`, ['engine'], { hint: "write 'engine: qemu', or leave it out" });
  }
  if (engine === 'qemu') {
    for (const key of ['registers', 'dump', 'hooks', 'readOnly', 'shape'] as const) {
      if (recipe[key] === undefined) continue;
      const hint = model?.twin ? "with 'engine: twin' they can" : undefined;
      report('engine', `what QEMU answers for this chip cannot be changed by '${key}'`, [key], { hint });
    }
  }
  return engine;
}

function checkAddress(
  name: string,
  { address }: ChipRecipe,
  model: ChipModel | undefined,
  settings: ChipSettings,
  report: ChipReport,
): void {
  const count = addressCount(model, settings);
  const last = address + count - 1;
  if (address < LOWEST || last > HIGHEST) {
    const range = `${hex(LOWEST)} to ${hex(HIGHEST)}`;
    const hint = address > HIGHEST && address <= 0xff ? `${hex(address >> 1)}, if this counts the read bit` : undefined;
    const which = last > address ? `${hex(address)} to ${hex(last)} are` : `${hex(address)} is`;
    report('address-range', `${which} out of the addresses that chips have, ${range}`, ['address'], { hint });
    return;
  }
  // A memory that answers at several addresses takes their last bits for those of the register's address.
  const possible = model?.addresses?.filter((each) => each % count === 0);
  if (possible === undefined || possible.includes(address)) return;
  const hint = `it can be ${possible.map(hex).join(', ')}`;
  report('address', `'${name}', a ${model?.name}, does not answer at ${hex(address)}`, ['address'], { hint });
}

/** The 7-bit addresses that the bus does not keep to itself. */
const LOWEST = 0x03;
const HIGHEST = 0x77;

function checkAddresses(chips: readonly HatChip[], pack: Package<HatRecipe>, problems: Diagnostic[]): void {
  const taken = new Map<string, HatChip>();
  for (const chip of chips) {
    for (const address of addressesOf(chip)) {
      const key = `${chip.bus} ${address}`;
      const first = taken.get(key);
      if (first === undefined) {
        taken.set(key, chip);
        continue;
      }
      problems.push(addressTaken(chip, first, address, pack));
      break;
    }
  }
}

function addressTaken(chip: HatChip, first: HatChip, address: number, pack: Package<HatRecipe>): Diagnostic {
  const free = chip.model?.addresses?.filter((other) => other !== address).map(hex);
  return {
    severity: 'error',
    code: 'hat/address-taken',
    message: `address ${hex(address)} on bus ${chip.bus} is '${first.name}' already`,
    at: pack.at('chips', chip.name, 'address'),
    ...(free && free.length > 0 && { hint: `a ${chip.model?.name} can have ${free.join(', ')}, too` }),
    notes: [{ message: 'here it is first', at: pack.at('chips', first.name, 'address') }],
  };
}

function driverOf({ driver }: ChipRecipe, model: ChipModel | undefined, report: ChipReport): string | undefined {
  if (driver === undefined || driver === false) return undefined;
  if (typeof driver === 'string') return driver;
  if (model?.driver === undefined) {
    const hint = "write the name that the kernel's driver has for the chip";
    report('driver', `the kernel has no driver for ${model?.name ?? 'registers alone'}`, ['driver'], {
      hint,
    });
  }
  return model?.driver;
}

function resolveGpio(recipe: HatRecipe, pack: Package<HatRecipe>, problems: Diagnostic[]): GpioLine[] {
  const taken = new Map<number, { name: string; at: SourceLocation }>();
  return Object.entries(recipe.gpio ?? {}).map(([name, { line, direction, initial = 0 }]) => {
    const at = pack.at('gpio', name, 'line');
    const first = taken.get(line);
    if (first) {
      problems.push({
        severity: 'error',
        code: 'hat/line-taken',
        message: `GPIO ${line} is '${first.name}' already`,
        at,
        notes: [{ message: 'here it is first', at: first.at }],
      });
    } else taken.set(line, { name, at });
    return { name, line, direction, initial };
  });
}
