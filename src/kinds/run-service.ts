import { readFileSync } from 'node:fs';
import { emulation } from './build-image.ts';
import { quote, script } from './script.ts';

/** What is used of a config.json (OCI Runtime Specification 1.2, config.md). */
interface Config {
  readonly process: { readonly args: readonly string[]; readonly env?: readonly string[]; readonly cwd: string };
  readonly root: { readonly readonly?: boolean };
  readonly mounts?: readonly { readonly destination: string; readonly type?: string }[];
}

/**
 * Bash that runs a service as config.json says it, as far as an ordinary user on this machine can: in a user namespace that it
 * is started in, with the layers of `/run/image` (paths in it, the base first) unpacked, whiteouts applied. It is the first process
 * of a namespace of its own, and gets SIGTERM when file descriptor 3 ends, ten seconds later SIGKILL. `command` is run
 * instead of the service's own.
 */
export function runScript(config: string, layers: readonly string[], command: readonly string[]): string {
  const { process, root, mounts = [] } = JSON.parse(readFileSync(config, 'utf8')) as Config;
  const words = command.length > 0 ? command : process.args;
  const folders = mounts.filter(({ type, destination }) => type === 'tmpfs' && !/^\/dev(\/|$)/.test(destination));
  return script`
set -euo pipefail
${emulation}
mkdir root
layer() {
  # An opaque folder hides all that is below it (image-spec, layer.md), a whiteout one name.
  tar -tf "$1" | { grep -E '(^|/)\.wh\.' || true; } | while IFS= read -r path; do
    folder=$(dirname "$path") name=$(basename "$path")
    if [ "$name" = .wh..wh..opq ]; then find "root/$folder" -mindepth 1 -delete 2>/dev/null || true
    else rm -rf "root/$folder/${'$'}{name#.wh.}"; fi
  done
  # Devices and foreign owners are not for ordinary users to make.
  tar -xf "$1" -C root --no-same-owner --keep-directory-symlink --exclude='.wh.*' --warning=no-timestamp 2> errors ||
    { grep -v 'Cannot mknod\|Exiting with failure' errors >&2 && exit 1 || true; }
}
${layers.map((path) => `layer /run/image/${path}`).join('\n')}
chmod u+rwx root
mkdir -p root/dev root/proc
mount --bind root root
cd root
mount --rbind /dev dev
${root.readonly ? 'mount -o remount,bind,ro .' : ''}
${folders.map(({ destination }) => `${root.readonly ? '' : `mkdir -p .${quote(destination)}; `}mount -t tmpfs none .${quote(destination)}`).join('\n')}
cat > /tmp/inside <<'END'
# Where /proc is not to be had anew, that of the sandbox does.
mount -t proc proc proc 2>/dev/null || mount --rbind /proc proc
exec env -i ${(process.env ?? []).map(quote).join(' ')} /usr/bin/unshare --root=. --wd=${quote(process.cwd)} -- ${words.map(quote).join(' ')}
END
unshare --mount --pid --fork --kill-child=KILL bash /tmp/inside 3<&- &
service=$!
# The service itself is the only child of unshare.
tell() { kill "-$1" $(awk -v parent=$service '$4 == parent {print $1}' /proc/[0-9]*/stat); }
{ read -r -u 3 _ || true; tell TERM; sleep 10; tell KILL; } 2>/dev/null &
code=0
wait $service || code=$?
exit $code
`;
}
