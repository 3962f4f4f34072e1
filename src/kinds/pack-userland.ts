import { fail } from '../diagnostic.ts';
import type { Task } from '../graph/task.ts';
import { formatBytes } from '../image/largest.ts';
import type { Package } from '../recipe/model.ts';
import { commandTask } from './command.ts';
import type { ArtifactRef, PlanContext } from './kind.ts';
import { packLayer, script } from './script.ts';

/** Where the board's root has its userlands: `<name>.squashfs`, or a directory `<name>`. `pibuild-enter` looks here. */
export const USERLANDS = 'usr/share/pibuild/userlands';

const TOOLS = 'tools/image';

/** The task whose `layer` brings a userland into the board's root, out of the tar of its own root. */
export function packUserland(
  pack: Package,
  form: 'squashfs' | 'directory',
  { root, limit }: { readonly root: ArtifactRef; readonly limit: number | undefined },
  context: PlanContext,
): Task {
  const { tools } = context.package(TOOLS, pack);
  if (tools === undefined) throw fail('plan/no-tools', `package '${TOOLS}' is no tools tree`);
  const name = pack.name.replaceAll('/', '+');
  return commandTask({
    id: `${pack.name}:pack`,
    title: `pack the userland ${pack.name}`,
    tools,
    inputs: { root },
    outputs: { layer: 'file' },
    pool: 'disk',
    script: form === 'squashfs' ? squashfsScript(name, limit) : directoryScript(name, limit),
  });
}

/** `<name>.id` names the image, so that what was written over another one is noticed. sqfstar keeps owners, hard links and capabilities; it dates everything by SOURCE_DATE_EPOCH. */
function squashfsScript(name: string, limit: number | undefined): string {
  return script`
mkdir -p stage/${USERLANDS}
sqfstar -comp zstd -b 256K -root-mode 0755 -root-uid 0 -root-gid 0 -no-progress -quiet stage/${USERLANDS}/${name}.squashfs < in/root
made=$(stat -c %s stage/${USERLANDS}/${name}.squashfs)
${check(limit)}
sha256sum < in/root | cut -c 1-64 > stage/${USERLANDS}/${name}.id
echo "$made bytes"
${packLayer}
`;
}

/** All names move below the folder; the targets of symbolic links stay, as they are of that root (`S`). */
function directoryScript(name: string, limit: number | undefined): string {
  return script`
mkdir -p stage/${USERLANDS}
made=$(stat -c %s in/root)
${check(limit)}
bsdtar --format=pax -s ',^\./,./${USERLANDS}/${name}/,S' -s ',^\.$,./${USERLANDS}/${name},S' -cf out/layer @in/root
`;
}

function check(limit: number | undefined): string {
  if (limit === undefined) return '';
  return script`
if [ "$made" -gt ${limit} ]; then
  echo "error: the userland is larger than its recipe's size of ${formatBytes(limit)} bytes allows: $made" >&2
  tar -tvf in/root | awk '{print $3, $6}' | sort -rn | head -n 10 >&2
  exit 1
fi`.trim();
}
