import type { Digest, Task } from '../graph/task.ts';
import type { DebsLock } from '../recipe/model.ts';
import { artifact, commandTask } from './command.ts';
import { fetchDebs } from './fetch.ts';
import type { ArtifactRef, ModuleKernel } from './kind.ts';
import { KERNEL_LIBRARIES } from './module-script.ts';
import { quote, script } from './script.ts';

/** Kernels whose headers a distribution packages: `linux-headers-...`, as Debian and Ubuntu lay them out. */

/** What of the debs that a headers package needs is a part of the tree: not the kernel, nor a compiler. */
export const HEADER_DEBS = /^(linux-(headers|kbuild)-|libelf1)/;

/** Those that hold programs which kbuild runs, and what they need: they must be for this machine, not for the kernel's. */
export const KBUILD_DEBS = /^(linux-kbuild-|libelf1)/;

/**
 * The architecture of the kernel that a headers package is for. Debian's names say it, of others one is asked for
 * (`linux-headers-generic:amd64`, here with `+` for the colon); else they are for our boards.
 */
export function headersArchitecture(deb: string): ModuleKernel['arch'] {
  return /[-+]amd64$/.test(deb) ? 'amd64' : 'arm64';
}

/** The tasks `kernel/<deb>:fetch` and `:dev`: a tree to build modules against out of a lock of headers. */
export function planPackagedKernel(
  deb: string,
  lock: DebsLock,
  tools: ArtifactRef,
  apt: readonly Digest[],
): { tasks: Task[]; kernel: ModuleKernel & { dev: ArtifactRef } } {
  const arch = headersArchitecture(deb);
  const fetch = fetchDebs(`kernel/${deb}:fetch`, lock, apt);
  const dev = commandTask({
    id: `kernel/${deb}:dev`,
    title: `lay out the headers of ${deb}`,
    tools,
    inputs: { debs: artifact(fetch.id, 'files') },
    outputs: { dev: 'tree' },
    pool: 'disk',
    script: layOutScript(deb, arch === 'amd64' ? 'x86' : 'arm64'),
  });
  return { tasks: [fetch, dev], kernel: { arch, dev: artifact(dev.id, 'dev') } };
}

/**
 * One tree of the several that the debs are. Debian: the flavour's Makefile includes that of the headers all flavours share,
 * and scripts are links to linux-kbuild. Ubuntu: the flavour's folder is links to the shared one.
 */
function layOutScript(deb: string, arch: string): string {
  return script`
mkdir root
for deb in in/debs/*.deb; do
  member=$(ar t "$deb" | grep '^data[.]tar')
  case $member in *.xz) expand='xz -dc' ;; *.zst) expand='zstd -dcq' ;; *.gz) expand='gzip -dc' ;; *) expand=cat ;; esac
  ar p "$deb" "$member" | $expand | tar -x -C root --no-same-owner
done
config=$(ls root/usr/src/*/.config 2> /dev/null || true)
if [ "$(wc -w <<< "$config")" != 1 ]; then
  echo ${quote(`error: ${deb} is not the headers of one kernel; with a configuration there are:`)} >&2
  echo "\${config:-none}" >&2
  exit 1
fi
flavour=$(dirname "$config")
shared=$(sed -n 's|^include \(/usr/src/[^ ]*\)/Makefile$|root\1|p' "$flavour/Makefile")
dev=$PWD/out/dev
mkdir "$dev"
# Links into packages that are not here, as Ubuntu's to its Rust libraries.
find root/usr/src -xtype l -delete
lay() {
  local folder=$1; shift
  tar -c -h --ignore-failed-read -C "$folder" --exclude=./vmlinux "$@" . | tar -x -C "$dev"
}
if [ -n "$shared" ]; then
  lay "$shared" --exclude=./scripts --exclude=./tools
  lay "$flavour" --exclude=./Makefile
else
  lay "$flavour"
fi
find "$dev/arch" -mindepth 1 -maxdepth 1 -type d ! -name ${arch} -exec rm -r {} +
for library in root/usr/lib/x86_64-linux-gnu/libelf.so.*; do
  [ ! -e "$library" ] || { mkdir -p "$dev/${KERNEL_LIBRARIES}" && cp "$library" "$dev/${KERNEL_LIBRARIES}/"; }
done
cd "$dev"
code=0
scripts/basic/fixdep 2> /dev/null || code=$?
if [ "$code" -gt 125 ]; then
  # Programs for the kernel's processor: what modules need is made anew, where the package has the source.
  if ! { gcc -O2 -I scripts/include -o scripts/basic/fixdep scripts/basic/fixdep.c &&
    gcc -O2 -I scripts/include -o scripts/mod/modpost scripts/mod/{modpost,file2alias,sumversion,symsearch}.c; }; then
    echo ${quote(`error: the programs in ${deb} that build modules are for another processor than this machine's`)} >&2
    exit 1
  fi
  if grep -q '^CONFIG_GENDWARFKSYMS=y' .config; then
    echo ${quote(`error: ${deb} is of a kernel whose modules take gendwarfksyms, which the package has for arm64 alone`)} >&2
    exit 1
  fi
  if grep -q '^CONFIG_MODVERSIONS=y' .config; then
    (cd scripts/genksyms && bison -o parse.tab.c --defines=parse.tab.h -t -l parse.y && flex -L -o lex.lex.c lex.l &&
      gcc -O2 -I . -I ../include -o genksyms genksyms.c parse.tab.c lex.lex.c)
  fi
fi
find . -name '*.o' -delete
`;
}
