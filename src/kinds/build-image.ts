import { quote, script } from './script.ts';

export interface BuildImage {
  /** Inputs that are layouts of the images it begins with; the Dockerfile knows them as `localhost/<input>`. */
  readonly bases: readonly string[];
  readonly args: Readonly<Record<string, string>>;
  readonly target?: string;
  /** Whether programs of the image are run. */
  readonly runs: boolean;
}

/**
 * Builds `in/Dockerfile` with `in/context` into the artifact `image`, an OCI layout.
 *
 * buildah needs more than a sandbox gives: to be root, mounts, a /dev that it may remount, a /sys with a folder for control
 * groups. So it gets a user namespace inside of the sandbox's, with one user id, and what it looks for there. `--isolation
 * chroot` would do without crun, but sets supplementary groups, which the kernel forbids in a namespace that an ordinary user
 * made.
 *
 * Programs of the board's processor run by qemu-user. Since Linux 6.7 a user namespace may have a binfmt_misc of its own
 * (Documentation/admin-guide/binfmt-misc.rst); before, the machine's own must know them.
 */
export function buildScript(options: BuildImage): string {
  return script`
cat > build.sh <<'END'
${inner(options)}
END
mkdir -p context storage tmp
status=0
unshare --user --map-root-user --mount bash -euo pipefail build.sh 2>&1 | tee build.log || status=$?
[ "$status" = 0 ] && exit 0
# What the builder prints before it fails, and where in the Dockerfile the step is that it was at.
step=$(grep -oE '^(\[[0-9]+/[0-9]+\] )?STEP [0-9]+/[0-9]+' build.log | tail -n 1 || true)
place=$(awk -F '\t' -v step="$step" '$1 == step {print $2 ": "}' in/steps)
said=$(grep -E '^Error: ' build.log | tail -n 1 || true)
said=${'$'}{said#Error: }
said=${'$'}{said#parsing main Dockerfile: in/Dockerfile: }
if [ -z "$step" ]; then
  # What is found before the first step names the instruction alone: enough when there is one of its kind.
  place=$(awk -F '\t' -v name="${'$'}{said%% *}" '$3 == name {print $2 ": "}' in/steps)
  [ "$(printf '%s' "$place" | grep -c .)" = 1 ] || place="$(head -n 1 in/steps | cut -f 2 | cut -d : -f 1): "
fi
echo "error: $place${'$'}{said:-the image could not be built}" >&2
grep -vE '^(Error: |(\[[0-9]+/[0-9]+\] )?STEP |-->|time=|Getting image|Copying |Writing manifest|Storing )' build.log | tail -n 12 >&2 || true
case $said in
  *'invalid argument'*) echo 'in the sandbox there is one user, root: chown, COPY --chown and RUN as another user are not possible' >&2 ;;
esac
if grep -qi 'exec format error' build.log; then
  echo 'this kernel has no binfmt_misc for user namespaces (Linux 6.7 has): let the machine run arm64 programs, or do without RUN' >&2
fi
exit 1
`;
}

function inner({ bases, args, target, runs }: BuildImage): string {
  const options = [
    ...Object.entries(args).map(([name, value]) => `--build-arg ${quote(`${name}=${value}`)}`),
    ...(target === undefined ? [] : [`--target ${quote(target)}`]),
  ].join(' ');
  return script`
# Images have folders that their owner may not write to, and so not remove: here it is root who does.
trap 'rm -rf storage tmp' EXIT
mkdir /tmp/dev
mount -t tmpfs -o mode=755 none /tmp/dev
for name in null zero full random urandom tty; do
  touch "/tmp/dev/$name"
  mount --bind "/dev/$name" "/tmp/dev/$name"
done
mkdir /tmp/dev/pts /tmp/dev/shm /tmp/dev/mqueue
mount --bind /dev/pts /tmp/dev/pts
mount -t tmpfs none /tmp/dev/shm
ln -s pts/ptmx /tmp/dev/ptmx
ln -s /proc/self/fd /tmp/dev/fd
fd=0
for name in stdin stdout stderr; do ln -s "/proc/self/fd/$((fd++))" "/tmp/dev/$name"; done
mount --rbind /tmp/dev /dev
mount -t tmpfs none /sys
mkdir -p /sys/fs/cgroup
${runs ? emulation : ''}
export _CONTAINERS_USERNS_CONFIGURED=done _CONTAINERS_ROOTLESS_UID=1000 TMPDIR=$PWD/tmp
store="--root $PWD/storage --runroot /run/containers --storage-driver vfs --storage-opt vfs.ignore_chown_errors=true"
${bases.map((input) => `buildah $store tag "$(buildah $store pull -q --platform linux/arm64 oci:$PWD/in/${input})" localhost/${input}:latest`).join('\n')}
[ ! -d in/context ] || cp -r --no-preserve=ownership,timestamps in/context/. context/
# The store keeps files read-only.
chmod -R u+w context
buildah $store build --layers --pull=never --platform linux/arm64 --timestamp "$SOURCE_DATE_EPOCH" \
  --isolation rootless --runtime /usr/bin/crun --network host --pid host --ipc host \
  --no-hosts --no-hostname --dns none --identity-label=false --format oci ${options} -t localhost/built:latest -f in/Dockerfile context
buildah $store push -q localhost/built:latest oci:$PWD/out/image:built
`;
}

/**
 * Lets the kernel run arm64 programs in a user namespace, by qemu-user: what is registered are the first bytes of their ELF
 * files. Nothing happens where the kernel has no binfmt_misc for namespaces.
 */
export const emulation = script`
mkdir /tmp/binfmt
if mount -t binfmt_misc none /tmp/binfmt 2>/dev/null; then
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":qemu-aarch64:M::$magic:$mask:/usr/bin/qemu-aarch64:OCF" > /tmp/binfmt/register
fi`.trim();
