import { join } from 'node:path';
import { fail } from '../diagnostic.ts';
import type { Input } from '../graph/task.ts';
import { gpioFile } from '../hat/gpio.ts';
import type { Hat } from '../hat/hat.ts';
import type { ReadDump } from '../hat/registers.ts';
import { resolveHat } from '../hat/resolve.ts';
import { type HatRecipe, hatRecipe } from '../hat/schema.ts';
import { driverFile, twinFile } from '../hat/twin.ts';
import { decode } from '../recipe/document.ts';
import { readIfThere } from '../recipe/files.ts';
import type { BoardModule, Package } from '../recipe/model.ts';
import { artifact } from './command.ts';
import type { PackageKind, PackagePlan } from './kind.ts';
import { type LayerEntry, layerTask } from './layer.ts';

/**
 * A HAT: what is real on the card and virtual in the emulator. What goes into the root is the same for both; the kernel's
 * command line says at start which of them it is.
 */
export const hatKind: PackageKind<HatRecipe> = {
  kind: 'hat',
  schema: hatRecipe,
  plan: planHat,
};

/** Where the root keeps what a HAT is to the kernel. */
export const HATS = 'usr/share/pibuild/hats';

/** The HAT that a package is. Throws a `Failure` with all that is wrong with it. */
export function hatOf(pack: Package<HatRecipe>): Hat {
  return resolveHat(pack, dumpReader(pack));
}

function planHat(pack: Package<HatRecipe>): PackagePlan {
  const hat = hatOf(pack);
  const name = pack.name.replaceAll('/', '+');
  const files = [
    { path: `${HATS}/${name}.twin`, text: twinFile(hat) },
    { path: `${HATS}/${name}.drivers`, text: driverFile(hat) },
    { path: `${HATS}/${name}.gpio`, text: gpioFile(hat) },
  ].flatMap(({ path, text }) => (text === undefined ? [] : [{ path, text }]));
  const entries = files.map(
    ({ path }): LayerEntry => ({ path, uid: 0, gid: 0, type: 'file', mode: '0644', input: path }),
  );
  const inputs = files.map(({ path, text }): [string, Input] => [path, { from: 'text', text }]);
  const layer = layerTask(`${pack.name}:layer`, `describe the HAT ${pack.name}`, entries, Object.fromEntries(inputs));
  return { tasks: [layer], provides: { layer: artifact(layer.id, 'layer'), hat, loads: loadsOf(pack, hat) } };
}

/** The package and the module that answer for its chips in the emulator, and the kernel's own that has its lines. */
const TWIN = 'i2c-twin';
const LINES = 'gpio-sim';

/** Modules that it needs at every start, and what stands in for its chips. */
function loadsOf(pack: Package<HatRecipe>, { chips, gpio, real }: Hat): BoardModule[] {
  const twin = chips.find(({ engine }) => engine === 'twin');
  return [
    ...real.modules.map(
      (name, index): BoardModule => ({
        name,
        parameters: {},
        load: 'boot',
        at: pack.at('real', 'modules', index),
      }),
    ),
    ...(twin ? [{ name: TWIN, parameters: {}, load: 'demand', at: pack.at('chips', twin.name) } as const] : []),
    ...(gpio.length > 0 ? [{ name: LINES, parameters: {}, load: 'demand', at: pack.at('gpio') } as const] : []),
  ];
}

/** A dump is part of the recipe, in a file of its own since it is long: it is read with it, so that a bad one is told at once. */
function dumpReader(pack: Package<HatRecipe>): ReadDump {
  return (path) => {
    if (!pack.files.includes(path)) return undefined;
    const recipeFile = pack.at('kind').file;
    const file = recipeFile.replace(/[^/]*$/, path);
    const text = decode(readIfThere(join(pack.folder, path)) ?? new Uint8Array());
    if (text === undefined) throw fail('hat/bad-dump', `'${file}' is not text`);
    return { text, file };
  };
}
