import { script } from './script.ts';

/**
 * Bash that makes a root of another processor in a sandbox where there is one user and no privilege. It is always the same
 * way, whoever runs pibuild, so that the same bytes come out:
 *
 * - a user namespace of its own, in which binfmt_misc can be mounted and qemu-user registered (Linux 6.7 and later; on older
 *   kernels an administrator's registration with flag F serves as well);
 * - fakeroot, which remembers owners, modes and capabilities that the one user cannot set. Its library is there for both
 *   processors, at paths that differ in the loader's `$LIB` alone, so that native and emulated programs share one memory;
 * - what only moves bytes (dpkg-deb, tar, dpkg --unpack) runs natively, and in the root itself only what has to: maintainer
 *   scripts and `dpkg --configure`.
 */

/** Where tasks of this kind have the arm64 library of fakeroot: a layer with `usr/lib/aarch64-linux-gnu/libfakeroot`. */
export const FAKEROOT_INPUT = 'fakeroot';

/** The ELF header of arm64 programs, as binfmt_misc is told of it (qemu's scripts/qemu-binfmt-conf.sh). */
const MAGIC = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const MASK = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

/** The task's script: runs the script of the input `make` as the root of a namespace. */
export const enterNamespace = script`
cat in/prelude in/make > make.sh
unshare --user --map-root-user --mount bash -Eeuo pipefail make.sh || exit $?
`;

/** Lets this kernel run arm64 programs; flag F: the emulator is opened now, so no root needs to hold it. */
export const registerEmulator = script`
mkdir -p /tmp/binfmt
if mount -t binfmt_misc binfmt_misc /tmp/binfmt 2> /dev/null; then
  printf '%s' ':qemu-aarch64:M::${MAGIC}:${MASK}:/usr/bin/qemu-aarch64:PF' > /tmp/binfmt/register
fi`.trim();

/** What every such script begins with: functions, the emulator, fakeroot. The root is `r`. */
export const prelude = script`
umask 022
shopt -s nullglob
fail() { echo "error: $1" >&2; if [ $# -gt 1 ]; then printf '%s\n' "${'$'}{@:2}" >&2; fi; exit 1; }

${registerEmulator}

IFS=: read -r FAKEROOTKEY _ < <(faked-sysv)
export FAKEROOTKEY FAKEROOTDONTTRYCHOWN=1
export LD_PRELOAD='/usr/$LIB/libfakeroot/libfakeroot-sysv.so'
# A Pi's processor, and one without pointer authentication, which is slow to emulate.
export QEMU_CPU=cortex-a53
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true

mkdir r
own=usr/lib/aarch64-linux-gnu/libfakeroot

# Runs a program of the root, in it.
inside() {
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root chroot r "$@"
}

# Lends the root what it must not keep.
lend() {
  tar -C r -xf in/${FAKEROOT_INPUT} $own
  mount --rbind /dev r/dev
  mount --rbind /proc r/proc
  printf '#!/bin/sh\nexit 101\n' > r/usr/sbin/policy-rc.d
  chmod 755 r/usr/sbin/policy-rc.d
  echo arm64 > r/var/lib/dpkg/arch
  inside true 2> /dev/null || fail "this machine's kernel ($(uname -r)) runs no arm64 programs in a sandbox" \
    'use a kernel of Linux 6.7 or later, or have its administrator register qemu-aarch64 with flag F (binfmt_misc)'
}
take_back() {
  umount -l r/proc r/dev
  rm -rf r/$own r/usr/sbin/policy-rc.d
}

# A native dpkg for the root's packages, which are foreign to it; what they depend on it cannot judge.
native_dpkg() {
  dpkg --root="$PWD/r" --force-unsafe-io --force-depends --force-architecture --no-triggers "${'$'}{path_options[@]}" "$@"
}
path_options=()
while read -r line; do path_options+=("--$line"); done < in/paths

# Configures all that is unpacked.
configure() {
  if ! inside dpkg --configure --pending 2>&1 | tee configured | sed -un '/^Setting up\|^Processing\|rror/p'; then
    cat configured
    fail "packages cannot be configured: $(sed -n '/^Errors were encountered/,$s/^ //p' configured | paste -sd ' ')" \
      "$(grep -A2 '^dpkg: error' configured | head -n 20)"
  fi
}

# Each locked deb must be there as it was locked, and nothing else.
verify() {
  dpkg-query --admindir=r/var/lib/dpkg -W -f '${'$'}{db:Status-Abbrev} ${'$'}{Package} ${'$'}{Version}\n' | sort > is
  sed 's/^/ii  /' in/lock | sort > should
  if ! diff should is > differs; then
    fail 'what is installed is not what was locked' "$(grep '^[<>]' differs | sed 's/^</missing:/; s/^>/instead:/' | head -n 20)"
  fi
}

# Packs the root with owners, modes, hard links and capabilities.
pack() {
  find r/dev r/proc r/sys r/run r/tmp -mindepth 1 -delete
  tar --sort=name --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \
    --mtime="@$SOURCE_DATE_EPOCH" --numeric-owner --xattrs --xattrs-include='*' -C r -cf "$1" .
}
`;
