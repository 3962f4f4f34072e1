import { workFolder } from '../paths.ts';
import { quote, script, useCcache } from './script.ts';

/** The bash that compiles kernel modules: the same for a kernel of ours, one of packaged headers, and one of the host. */

export interface BuildOptions {
  readonly package: string;
  readonly modules: readonly string[];
  /** Bash that makes the folder `src` of the inputs. */
  readonly layOut: string;
  /** Inputs that are patches to apply. */
  readonly patches: readonly string[];
  /** The module's folder in `src`. */
  readonly folder: string;
  /** Inputs that are Module.symvers of other modules. */
  readonly symvers: readonly string[];
  /** Words for make that say where the kernel is. */
  readonly make: string;
  readonly arch: 'arm64' | 'amd64';
  /** The text of Kbuild where the source has none. */
  readonly kbuild?: string;
}

/** Where libraries lie that the kernel's own programs need: in its tree, and of kernels of the host. */
export const KERNEL_LIBRARIES = '.lib';
export const HOST_LIBRARIES = `${workFolder}/host/.lib`;

const architectures = {
  arm64: { ARCH: 'arm64', CROSS_COMPILE: 'aarch64-linux-gnu-' },
  amd64: { ARCH: 'x86_64', CROSS_COMPILE: 'x86_64-linux-gnu-' },
};

/**
 * Leaves `out/ko/<module>.ko`, stripped, `out/Module.symvers`, and `out/modpost`, modpost's messages. What modpost refuses is
 * no failure here, but leaves empty .ko files: the task after this one tells it better.
 */
export function buildScript(options: BuildOptions): string {
  const { modules, patches, folder, symvers, make, arch } = options;
  const { ARCH, CROSS_COMPILE } = architectures[arch];
  const apply = patches.map((name) => `patch -s -p1 -d src < ${quote(`in/${name}`)}`);
  const further = symvers.map((name) => `$PWD/in/${name}`).join(' ');
  return [
    [
      options.layOut,
      'chmod -R u+w src',
      ...apply,
      `folder=$PWD/${quote(folder === '.' ? 'src' : `src/${folder}`)}`,
    ].join('\n'),
    kbuildScript(options),
    useCcache,
    // x86's objtool is linked with libelf, which lies beside the kernel it came with.
    ...(arch === 'amd64' ? [`export LD_LIBRARY_PATH=$PWD/in/kernel/${KERNEL_LIBRARIES}:${HOST_LIBRARIES}`] : []),
    script`
# A module then says chip.c where it warns, and not where it was built. BTF takes pahole, and modules load without it.
if ! make ${make} M="$folder" ARCH=${ARCH} CROSS_COMPILE=${CROSS_COMPILE} CC="$CCACHE ${CROSS_COMPILE}gcc" \
  KCFLAGS="-fmacro-prefix-map=$folder/=" CONFIG_DEBUG_INFO_BTF_MODULES=${further && ` KBUILD_EXTRA_SYMBOLS="${further}"`} modules 2>&1 | tee make.log
then
  if ! grep -q '^ERROR: modpost: ' make.log; then
    echo ${quote(`error: ${options.package} does not compile`)} >&2
    { grep -E ':[0-9]+: (fatal )?error: ' make.log || grep -v -E '^make|^  [A-Z]' make.log | tail -n 5; } | head -n 5 | sed "s|^$folder/||" >&2 || true
    exit 1
  fi
fi
mkdir -p out/ko
sed -n -E '/^(ERROR|WARNING): modpost: /p' make.log > out/modpost
if grep -q '^ERROR: ' out/modpost; then
  for name in ${modules.map(quote).join(' ')}; do : > "out/ko/$name.ko"; done
  : > out/Module.symvers
  exit 0
fi
cp "$folder/Module.symvers" out/
for name in ${modules.map(quote).join(' ')}; do
  file=$(find "$folder" -name "$name.ko" -print -quit)
  if [ -z "$file" ]; then
    echo "error: the source of ${options.package} makes no module '$name'; it makes:" >&2
    find "$folder" -name '*.ko' -printf '%f\n' | sed 's/[.]ko$//' | sort >&2
    exit 1
  fi
  ${CROSS_COMPILE}strip --strip-debug -o "out/ko/$name.ko" "$file"
done`,
  ]
    .map((part) => `${part.trim()}\n`)
    .join('');
}

/** Makes a Kbuild of the .c files where the source says nothing. Makefile alone may be one for people, without goals. */
function kbuildScript({ package: name, modules, kbuild }: BuildOptions): string {
  const [first = ''] = modules;
  const made =
    kbuild !== undefined
      ? `cat > "$folder/Kbuild" <<< ${quote(kbuild.trimEnd())}`
      : modules.length === 1
        ? ofOne(name, first)
        : ofSeveral(name, modules);
  return script`
if [ ! -e "$folder/Kbuild" ] && ! grep -qs '^ *obj-' "$folder/Makefile"; then
${made}
fi`;
}

function ofOne(name: string, module: string): string {
  return script`
sources=$(cd "$folder"; ls *.c)
if [ "$sources" = ${quote(`${module}.c`)} ]; then
  echo ${quote(`obj-m := ${module}.o`)} > "$folder/Kbuild"
elif [ -e "$folder"/${quote(`${module}.c`)} ]; then
  echo ${quote(`error: ${name} has ${module}.c and other .c files, but no Kbuild that says what each belongs to`)} >&2
  echo ${quote(`for instance: obj-m := ${module}.o other.o`)} >&2
  exit 1
else
  { echo ${quote(`obj-m := ${module}.o`)}; echo ${quote(`${module}-y :=`)} $(sed 's/c$/o/' <<< "$sources"); } > "$folder/Kbuild"
fi`.trim();
}

function ofSeveral(name: string, modules: readonly string[]): string {
  return script`
for module in ${modules.map(quote).join(' ')}; do
  if [ ! -e "$folder/$module.c" ]; then
    echo "error: ${name} has neither a Kbuild nor a $module.c" >&2
    exit 1
  fi
  echo "obj-m += $module.o" >> "$folder/Kbuild"
done`.trim();
}
