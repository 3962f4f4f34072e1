import { z } from 'zod';
import { fail } from '../diagnostic.ts';
import type { Input, Task } from '../graph/task.ts';
import { workFolder } from '../paths.ts';
import type { Board, Package } from '../recipe/model.ts';
import { checkKconfigTask, KERNEL_KCONFIG } from './check-kconfig.ts';
import { artifact, commandTask } from './command.ts';
import { fragmentInputs } from './fragments.ts';
import type { ArtifactRef, PackageKind, PackagePlan, PlanContext } from './kind.ts';
import { canonicalTar, crossEnvironment, quote, script, useCcache } from './script.ts';
import { planSource, sourceKeys, unpackInto } from './unpack.ts';

const kernelRecipe = z.strictObject(sourceKeys);

export type KernelRecipe = z.infer<typeof kernelRecipe>;

/** The tree with the cross compiler, bison, flex, bc, kmod, cpio. */
const BUILD_TOOLS = 'tools/build';

/**
 * A Linux kernel: `allnoconfig` and the board's fragments, each symbol of which is checked, built out of tree. The board's
 * kernel images and device trees for the boot partition, modules as a layer, a tree to build modules against.
 */
export const kernelKind: PackageKind<KernelRecipe> = {
  kind: 'kernel',
  schema: kernelRecipe,
  plan: planKernel,
};

function planKernel(pack: Package<KernelRecipe>, context: PlanContext): PackagePlan {
  const { tools } = context.package(BUILD_TOOLS, pack);
  if (tools === undefined) throw fail('plan/no-tools', `package '${BUILD_TOOLS}' is no tools tree`);
  const fragments = fragmentInputs(context.board?.kernel.fragments ?? []);
  const source = planSource(pack, tools, context);
  const configure = configureTask(pack.name, tools, source.source, fragments);
  const check = checkKconfigTask(pack.name, fragments, { area: 'kernel', ...KERNEL_KCONFIG });
  const build = buildTask(pack.name, tools, source.source, check.config);
  const boot = bootTask(pack.name, tools, context.board);
  return {
    tasks: [...source.tasks, configure, check.task, build, boot],
    provides: {
      layer: artifact(build.id, 'modules'),
      boot: artifact(boot.id, 'boot'),
      kernel: {
        source: source.source,
        config: check.config,
        kconfig: artifact(configure.id, 'kconfig'),
        makefiles: artifact(configure.id, 'makefiles'),
        fragments,
        dev: artifact(build.id, 'dev'),
        modules: artifact(build.id, 'modules'),
        systemMap: artifact(build.id, 'system-map'),
      },
    },
  };
}

/** Bash that puts the fragments into one file; of a symbol named twice kconfig takes the last. */
export const joinFragments = 'for fragment in in/fragments/*; do cat "$fragment"; echo; done > fragments.config';

/** All that configuring reads of the kernel's source, so that the rest need not be written out. */
export const CONFIGURED_FROM = ['./Makefile', './Kconfig', '*/Kconfig*', './scripts', '*/Makefile', '*/Kbuild'];

/**
 * The configuration and, for the checks, the Kconfig files it came from and the Makefiles, which say what modules there can
 * be. `allnoconfig` and not `defconfig`: what is built is
 * what somebody asked for.
 */
function configureTask(
  pack: string,
  tools: ArtifactRef,
  source: ArtifactRef,
  fragments: Readonly<Record<string, Input>>,
): Task {
  return commandTask({
    id: `${pack}:configure`,
    title: `configure ${pack}`,
    tools,
    inputs: { source, ...fragments },
    outputs: { config: 'file', kconfig: 'file', makefiles: 'file' },
    env: crossEnvironment,
    script: script`
${unpackInto('src', 'source', CONFIGURED_FROM)}
${joinFragments}
make -s -C src O=build KCONFIG_ALLCONFIG="$PWD/fragments.config" allnoconfig
cp src/build/.config out/config
find src -path src/build -prune -o -name 'Kconfig*' -type f -printf '%P\n' > kconfig.list
${canonicalTar} -C src -c -T kconfig.list | gzip -n > out/kconfig
find src '(' -path src/build -o -path src/tools -o -path 'src/arch/*' ! -path 'src/arch/arm64*' ')' -prune -o \
  '(' -name Makefile -o -name Kbuild ')' -type f -printf '%P\n' > makefiles.list
${canonicalTar} -C src -c -T makefiles.list | gzip -n > out/makefiles
`,
  });
}

/**
 * Compiles. The build folder is a direct subfolder of the source, because only then does kbuild name the source by a
 * relative path (`..`), and no absolute one gets into an object.
 */
function buildTask(pack: string, tools: ArtifactRef, source: ArtifactRef, config: ArtifactRef): Task {
  return commandTask({
    id: `${pack}:build`,
    title: `compile ${pack}`,
    tools,
    inputs: { source, config },
    outputs: { image: 'file', 'system-map': 'file', dtbs: 'tree', modules: 'file', dev: 'tree' },
    env: { ...crossEnvironment, KBUILD_BUILD_USER: 'pibuild', KBUILD_BUILD_HOST: 'pibuild', KBUILD_BUILD_VERSION: '1' },
    ccache: true,
    // The link of vmlinux and modpost hold all objects at once.
    pool: 'link',
    expected: 700,
    script: script`
${unpackInto('src', 'source')}
mkdir src/build
cp in/config src/build/.config
cd src/build
KBUILD_BUILD_TIMESTAMP=$(date -u -d "@$SOURCE_DATE_EPOCH"); export KBUILD_BUILD_TIMESTAMP
${useCcache}
kbuild() { make -C .. O=build LOCALVERSION= CC="$CCACHE aarch64-linux-gnu-gcc" HOSTCC="$CCACHE gcc" "$@"; }
kbuild -s olddefconfig
cmp .config ${workFolder}/in/config
kbuild Image dtbs modules
cp arch/arm64/boot/Image ${workFolder}/out/image
cp System.map ${workFolder}/out/system-map

mkdir -p ${workFolder}/out/dtbs
kbuild -s dtbs_install INSTALL_DTBS_PATH=${workFolder}/out/dtbs

# Modules, with what depmod makes of them (modules_install runs it), without links into this sandbox.
kbuild -s modules_install INSTALL_MOD_PATH=${workFolder}/stage INSTALL_MOD_STRIP=1
rm -f ${workFolder}/stage/lib/modules/*/build ${workFolder}/stage/lib/modules/*/source

# What modules outside of the kernel are built against: the kernel's own list of files (scripts/package). It would build its
# host programs anew for the target where CC is not HOSTCC, but the modules are built here, too.
env CC=gcc HOSTCC=gcc srctree=.. SRCARCH=arm64 MAKE=make \
  sh ../scripts/package/install-extmod-build ${workFolder}/out/dev
cp .config ${workFolder}/out/dev/.config

cd ${workFolder}
${canonicalTar} -C stage -cf out/modules .
`,
  });
}

/**
 * What the firmware reads: kernel8.img, and the device trees under mainline's names (bcm2837-rpi-3-b.dtb), among which it
 * chooses the board's by itself when config.txt says \`upstream_kernel=1\`.
 */
function bootTask(pack: string, tools: ArtifactRef, board: Board | undefined): Task {
  const names = (board?.kernel.dtbs ?? []).map((name) => quote(name.replace(/\.dtb$/, ''))).join(' ');
  return commandTask({
    id: `${pack}:boot`,
    title: `lay out the boot files of ${pack}`,
    tools,
    inputs: { image: artifact(`${pack}:build`, 'image'), dtbs: artifact(`${pack}:build`, 'dtbs') },
    outputs: { boot: 'tree' },
    script: script`
mkdir out/boot
cp in/image out/boot/kernel8.img
for name in ${names}; do
  if [ ! -e "in/dtbs/$name.dtb" ]; then
    echo "this kernel has no device tree '$name'; it has:" >&2
    (cd in/dtbs; find . -name '*.dtb' -printf '  %P\n' | sed 's/[.]dtb$//' | sort) >&2
    exit 1
  fi
  cp "in/dtbs/$name.dtb" out/boot/
done
`,
  });
}
