import { z } from 'zod';
import { fail } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import type { Package } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import type { ArtifactRef, PackagePlan, PlanContext } from './kind.ts';
import { makeFolders, makeKey, makeVariables, shellText, sysrootInputs } from './make-keys.ts';
import { packLayer, quote, script } from './script.ts';
import { leftOut } from './tools-tree.ts';
import { ownFile, planSource, sourceKeys, unpackInto } from './unpack.ts';

/** The keys of packages that are compiled from source with make, whether a `configure` comes before it or not. */
export const compiledKeys = {
  ...sourceKeys,
  make: makeKey,
  environment: z.record(z.string().regex(/^\w+$/), z.string()).default({}).meta({
    description: 'Environment variables for the build, over the defaults (CC, CFLAGS ...); knows $STAGE and $SYSROOT',
  }),
  strip: z.boolean().default(true).meta({ description: 'Whether programs and libraries lose their symbols' }),
  remove: z.array(z.string().min(1)).default([]).meta({
    description: 'Globs of what is installed but does not go into the root. Documentation and headers never do',
  }),
  files: z.string().optional().meta({ description: 'A folder beside the recipe that is copied into the root' }),
  sysroot: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether packages that depend on this one are compiled with its headers and libraries' }),
};

export type CompiledRecipe = z.infer<z.ZodObject<typeof compiledKeys>>;

/** The tree with the cross compiler and make. */
const BUILD_TOOLS = 'tools/build';

const TRIPLET = 'aarch64-linux-gnu';

/** Debian's cross toolchain, by the names that makefiles and configure scripts give its parts. */
export const toolchain: Readonly<Record<string, string>> = {
  CC: `${TRIPLET}-gcc`,
  CXX: `${TRIPLET}-g++`,
  AR: `${TRIPLET}-gcc-ar`,
  LD: `${TRIPLET}-ld`,
  NM: `${TRIPLET}-gcc-nm`,
  OBJCOPY: `${TRIPLET}-objcopy`,
  RANLIB: `${TRIPLET}-gcc-ranlib`,
  STRIP: `${TRIPLET}-strip`,
};

/** What Debian's own packages are compiled with, as far as it costs a Pi next to nothing. */
const FLAGS: Readonly<Record<string, string>> = {
  CFLAGS: '-O2 -fstack-protector-strong',
  CXXFLAGS: '-O2 -fstack-protector-strong',
  CPPFLAGS: '-D_FORTIFY_SOURCE=2 -I$SYSROOT/include',
  LDFLAGS: '-Wl,-z,relro -Wl,-z,now -L$SYSROOT/lib',
  PKG_CONFIG_LIBDIR: '$SYSROOT/lib/pkgconfig',
};

/** What only a compiler needs. A package with `sysroot` gives it to others before it is removed. */
const DEVELOPMENT = ['usr/include', 'usr/lib/*.a', 'usr/lib/*.la', 'usr/lib/pkgconfig', 'usr/share/pkgconfig'];

/**
 * The tasks of a package that make builds: `<package>:fetch`, `:unpack`, `:build`, and its layer. `configure` is bash that
 * comes before make, in the source's folder; `variables` go to every make.
 */
export function planCompiled(
  pack: Package<CompiledRecipe>,
  context: PlanContext,
  { configure = '', variables = {} }: { configure?: string; variables?: Readonly<Record<string, string>> },
): PackagePlan {
  const { tools } = context.package(BUILD_TOOLS, pack);
  if (tools === undefined) throw fail('plan/no-tools', `package '${BUILD_TOOLS}' is no tools tree`);
  const source = planSource(pack, tools, context);
  const words = makeVariables({ ...variables, ...pack.recipe.make.variables });
  const build = buildTask(pack, { tools, source: source.source, configure, words }, context);
  return {
    tasks: [...source.tasks, build],
    provides: {
      layer: artifact(build.id, 'layer'),
      ...(pack.recipe.sysroot && { sysroot: artifact(build.id, 'sysroot') }),
    },
  };
}

interface Build {
  readonly tools: ArtifactRef;
  readonly source: ArtifactRef;
  readonly configure: string;
  /** Variables as words for make. */
  readonly words: string;
}

function buildTask(pack: Package<CompiledRecipe>, build: Build, context: PlanContext): Task {
  const { files, sysroot } = pack.recipe;
  const inputs: Record<string, Input> = { source: build.source, ...sysrootInputs(pack, context) };
  if (files !== undefined) inputs.files = ownFile(pack, files, 'files');
  return commandTask({
    id: `${pack.name}:build`,
    title: `compile ${pack.name}`,
    tools: build.tools,
    inputs,
    outputs: { layer: 'file', ...(sysroot && { sysroot: 'tree' as const }) },
    pool: 'compile',
    expected: 30,
    script: buildScript(pack.recipe, build),
  });
}

function buildScript(recipe: CompiledRecipe, { configure, words }: Build): string {
  const { make, environment } = recipe;
  const exports = { ...DEFAULT_EXPORTS, ...exportLines(environment) };
  const targets = make.targets.map((target) => ` ${quote(target)}`).join('');
  return [
    script`
umask 022
${makeFolders}
${Object.values(exports).join('\n')}
${unpackInto('src', 'source')}
cd src`,
    configure,
    script`
make ${words}${targets}
make ${words} DESTDIR="$STAGE" ${quote(make.install)}
cd ..`,
    recipe.sysroot ? giveSysroot : '',
    removeScript(recipe.remove),
    recipe.strip ? stripScript : '',
    recipe.files === undefined ? '' : 'tar -C in/files --mode=u=rwX,go=rX -c . | tar -C stage -x --no-same-owner',
    packLayer,
  ]
    .filter((part) => part !== '')
    .map((part) => `${part.trim()}\n`)
    .join('');
}

/** By variable, the line that exports it. */
function exportLines(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, `export ${name}=${shellText(value)}`]),
  );
}

/** Made once: projects have many packages. */
const DEFAULT_EXPORTS = exportLines({ ...toolchain, ...FLAGS });

const giveSysroot = script`
mkdir -p out/sysroot/include out/sysroot/lib
[ ! -d stage/usr/include ] || cp -r stage/usr/include/. out/sysroot/include/
[ ! -d stage/usr/lib ] || find stage/usr/lib '(' -name '*.a' -o -name '*.so*' ')' -exec cp -P {} out/sysroot/lib/ ';'
[ ! -d stage/usr/lib/pkgconfig ] || cp -r stage/usr/lib/pkgconfig out/sysroot/lib/`;

/** A glob of the recipe that matches nothing is a mistake; what never goes into a root need not be there. */
function removeScript(globs: readonly string[]): string {
  const asked = globs.map((glob) => `leave ${quote(glob)} stage/${globWord(glob)}`);
  const leave = script`
leave() {
  local glob=$1; shift
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then echo "nothing that is installed matches '$glob'" >&2; exit 1; fi
  rm -rf -- "$@"
}`;
  return [...(asked.length > 0 ? [leave.trim(), ...asked] : []), REMOVE_ALWAYS].join('\n');
}

const REMOVE_ALWAYS = `rm -rf ${[...leftOut, ...DEVELOPMENT].map((glob) => `stage/${globWord(glob)}`).join(' ')}`;

/** A glob as bash expands it: all but the globbing characters are taken as they are. */
function globWord(glob: string): string {
  return glob.replace(/[^A-Za-z0-9_@%+=:,./*?[\]!^-]/g, (character) => `\\${character}`);
}

const stripScript = script`
find stage -type f | while IFS= read -r file; do
  if cmp -s -n 4 "$file" <(printf '\x7fELF'); then "$STRIP" --strip-unneeded "$file"; fi
done`;
