import { writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fail } from '../diagnostic.ts';
import { formatBytes } from '../image/largest.ts';
import { quote } from '../kinds/script.ts';
import { type BuiltModule, type BuiltModules, buildModule } from './build-module.ts';
import type { Context } from './context.ts';
import { type ModuleImage, moduleImage } from './module-image.ts';
import { openProject } from './session.ts';
import { type Call, exitCodes } from './verb.ts';

export interface ModuleOptions {
  readonly board?: string;
  /** `deb:<package>`, or a path. */
  readonly kernel?: string;
  readonly out?: string;
  /** The OCI image to write. */
  readonly oci?: string;
}

export const DEFAULT_BOARD = 'rpi3';

/** Builds the kernel modules of a package or a folder, and nothing else of a board. */
export async function run(context: Context, { arguments: [word = ''], options }: Call<ModuleOptions>): Promise<number> {
  const { board = DEFAULT_BOARD, oci } = options;
  const built = await buildModule(context, word, { ...options, board, loader: oci !== undefined });
  if (built === undefined) return exitCodes.failed;
  for (const module of built.modules) context.stdout.write(describe(context, module));
  if (oci !== undefined) writeImage(context, resolve(context.cwd, oci), built);
  return exitCodes.ok;
}

function writeImage(context: Context, file: string, built: BuiltModules): void {
  const image = moduleImage(built, openProject(context).epoch);
  try {
    writeFileSync(file, image.bytes);
  } catch (error) {
    throw fail('module/not-written', `cannot write '${file}': ${(error as Error).message}`);
  }
  context.stdout.write(describeImage(context, file, image));
}

function describe({ cwd, options }: Context, { path, name, vermagic, license, depends, size }: BuiltModule): string {
  if (options.json) {
    const event = { type: 'module', at: Date.now(), module: name, path, vermagic, license, depends, size };
    return `${JSON.stringify(event)}\n`;
  }
  return [
    relative(cwd, path) || path,
    `  vermagic: ${vermagic}`,
    `  depends:  ${depends.join(', ') || 'on nothing'}`,
    `  license:  ${license}`,
    `  size:     ${formatBytes(size)} bytes`,
    '',
  ].join('\n');
}

function describeImage(
  { cwd, options }: Context,
  file: string,
  { bytes, reference, loads, needs }: ModuleImage,
): string {
  if (options.json) {
    const event = { type: 'module-image', at: Date.now(), path: file, reference, loads, needs, size: bytes.length };
    return `${JSON.stringify(event)}\n`;
  }
  return [
    relative(cwd, file) || file,
    `  image:    ${reference}`,
    `  loads:    ${loads.join(', ')}`,
    ...(needs.length > 0 ? [`  needs:    ${needs.join(', ')}, loaded by the host before`] : []),
    `  size:     ${formatBytes(bytes.length)} bytes`,
    `  try it:   docker load -i ${quote(relative(cwd, file) || file)} && docker run --rm --cap-add SYS_MODULE ${reference}`,
    '',
  ].join('\n');
}
