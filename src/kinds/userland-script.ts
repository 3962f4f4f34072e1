import { workFolder } from '../paths.ts';
import { quote, script } from './script.ts';

/** The scripts that make a userland out of debs, after the prelude of `emulated-root.ts`. */

/**
 * Makes the root of the debs that a distribution cannot do without. They are laid out first and only then installed, as
 * each needs the others' programs for that; base-files goes first for its links (bin -> usr/bin), base-passwd's script next,
 * since the others name users.
 */
export const baseScript = script`
debs=(in/debs/base-files_*.deb in/debs/base-passwd_*.deb)
for deb in in/debs/*.deb; do
  case $deb in */base-files_* | */base-passwd_*) ;; *) debs+=("$deb") ;; esac
done
exclude=()
for option in "${'$'}{path_options[@]}"; do
  case $option in --path-exclude=*) exclude+=("--exclude=.${'$'}{option#--path-exclude=}") ;; esac
done
for deb in "${'$'}{debs[@]}"; do
  dpkg-deb --fsys-tarfile "$deb" |
    tar -x -C r -p --numeric-owner --keep-directory-symlink --no-overwrite-dir --warning=no-timestamp "${'$'}{exclude[@]}"
done
mkdir -p r/var/lib/dpkg/info r/var/lib/dpkg/updates
: > r/var/lib/dpkg/status
: > r/etc/resolv.conf
lend
native_dpkg --unpack "${'$'}{debs[@]}" > unpacked 2>&1 || { cat unpacked; fail 'the debs cannot be unpacked' "$(tail -n 5 unpacked)"; }
configure
verify
take_back
# What differs from day to day, or the same base would not be the same to what is built on it.
rm -rf r/var/cache/ldconfig
find r/var/log -type f -delete
pack out/base
`;

/**
 * What is done to the base: groups, users, further debs in apt's order, files, and the recipe's own commands.
 */
export interface UserlandSteps {
  /** Groups with the numbers that the board gives them, so that its devices belong to the same. */
  readonly groups: Readonly<Record<string, number>>;
  readonly users: readonly UserlandUser[];
  /** Names of debs that were not asked for by name but came along: apt may take them away again. */
  readonly automatic: readonly string[];
  readonly hasDebs: boolean;
  readonly hasFiles: boolean;
  readonly run: readonly string[];
}

export interface UserlandUser {
  readonly name: string;
  readonly uid?: number;
  readonly groups: readonly string[];
  readonly home?: string;
  readonly shell: string;
  /** A crypt(3) hash. */
  readonly password?: string;
  readonly passwordless: boolean;
  readonly sshKeys: readonly string[];
}

export function rootScript(steps: UserlandSteps): string {
  return script`
tar -x -C r -p --numeric-owner --xattrs --xattrs-include='*' -f in/base
lend
${Object.entries(steps.groups).map(addGroup).join('\n')}
${steps.hasDebs ? INSTALL : ''}
${steps.automatic.length > 0 ? automaticMarks(steps.automatic) : ''}
verify
${steps.users.map(addUser).join('\n')}
${steps.hasFiles ? COPY_FILES : ''}
${steps.run.map(runStep).join('\n')}
${CLEAN}
take_back
pack out/root
echo "$(find r -type f | wc -l) files, $(du -sm --apparent-size r | cut -f1) MB"
`;
}

/** Files have the modes that git knows, 0644 and 0755: in the store they are read-only. */
const COPY_FILES = script`
cp -R --no-preserve=ownership,mode in/files/. r/
(cd in/files && find . -type f -perm -u+x -print0) | (cd r && xargs -0r chmod 755)
`;

/**
 * apt decides in which order debs are unpacked and configured. Its dpkg is native to unpack, the root's own for all else.
 */
const INSTALL = script`
mkdir -p apt/lists/partial apt/cache/archives/partial apt/etc/parts archive
ln -s ../in/debs archive/debs
while read -r deb size sha256; do
  dpkg-deb -f "in/debs/$deb"
  printf 'Filename: debs/%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$size" "$sha256"
done < in/index > archive/Packages
cat > apt/apt.conf <<'CONF'
Dir "${workFolder}/apt";
Dir::Etc "${workFolder}/apt/etc";
Dir::Etc::parts "${workFolder}/apt/etc/parts";
Dir::Etc::sourceparts "${workFolder}/apt/etc/parts";
Dir::Etc::preferencesparts "${workFolder}/apt/etc/parts";
Dir::Etc::trustedparts "${workFolder}/apt/etc/parts";
Dir::State "${workFolder}/apt";
Dir::State::status "${workFolder}/r/var/lib/dpkg/status";
Dir::State::lists "${workFolder}/apt/lists";
Dir::Cache "${workFolder}/apt/cache";
Dir::Log "${workFolder}/apt";
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Bin::dpkg "${workFolder}/apt/dpkg";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Dpkg::Use-Pty "false";
CONF
echo 'deb [trusted=yes] file:${workFolder}/archive ./' > apt/etc/sources.list
declare -f inside native_dpkg > apt/functions
declare -p path_options >> apt/functions
cat > apt/dpkg <<'DPKG'
#!/usr/bin/bash
cd ${workFolder}
. apt/functions
# Of the root as it is from outside: both know it better.
if [ "$1" = --admindir ]; then shift 2; fi
for word; do
  if [ "$word" = --unpack ]; then native_dpkg "$@"; exit; fi
done
inside dpkg "$@"
DPKG
chmod 755 apt/dpkg
export APT_CONFIG=${workFolder}/apt/apt.conf
apt-get -q update > updated 2>&1 || { cat updated; fail 'apt cannot read the locked debs' "$(tail -n 5 updated)"; }
names=$(cut -d_ -f1 in/index)
if ! apt-get -q -y install $names 2>&1 | tee installed | sed -un '/^Unpacking\|^Setting up\|^Processing/p'; then
  cat installed
  fail "packages cannot be installed: $(sed -n '/^Errors were encountered/,$s/^ //p' installed | paste -sd ' ')" \
    "$(grep -A2 '^dpkg: error\|^E:' installed | head -n 20)"
fi
unset APT_CONFIG
configure`.trim();

/** apt's own memory of what came along (`/var/lib/apt/extended_states`). */
function automaticMarks(names: readonly string[]): string {
  return script`
for name in ${names.map(quote).join(' ')}; do
  printf 'Package: %s\nArchitecture: arm64\nAuto-Installed: 1\n\n' "$name"
done > r/var/lib/apt/extended_states`.trim();
}

/** A group that is there already gets the board's number, and another one that has this number shares it. */
function addGroup([name, gid]: [string, number]): string {
  return `if inside getent group ${quote(name)} > /dev/null; then inside groupmod -o -g ${gid} ${quote(name)}; else inside groupadd -o -g ${gid} ${quote(name)}; fi`;
}

function addUser(user: UserlandUser): string {
  const name = quote(user.name);
  const isRoot = user.name === 'root';
  const home = user.home ?? (isRoot ? '/root' : `/home/${user.name}`);
  const options = [
    ...(user.uid === undefined ? [] : ['-u', String(user.uid)]),
    ...(user.groups.length > 0 ? ['-G', user.groups.join(',')] : []),
    ...['-d', home, '-s', user.shell],
  ];
  const password = user.passwordless ? '' : user.password;
  return [
    isRoot
      ? `inside usermod -s ${quote(user.shell)} root`
      : `inside useradd -m -U ${options.map(quote).join(' ')} ${name}`,
    ...(password === undefined ? [] : [`inside usermod -p ${password === '' ? "''" : quote(password)} ${name}`]),
    ...(user.sshKeys.length === 0
      ? []
      : [
          `inside install -d -m 700 -o ${name} -g ${name} ${quote(`${home}/.ssh`)}`,
          `printf '%s\\n' ${user.sshKeys.map((key) => `'${key.replaceAll("'", "'\\''")}'`).join(' ')} > ${quote(`r${home}/.ssh/authorized_keys`)}`,
          `inside chown ${name}: ${quote(`${home}/.ssh/authorized_keys`)}`,
        ]),
  ].join('\n');
}

function runStep(command: string): string {
  const quoted = `'${command.replaceAll("'", "'\\''")}'`;
  return script`
echo ${quoted}
inside /bin/sh -ec ${quoted} < /dev/null || fail "a step of \`run\` ended with exit code $?:" ${quoted}`.trim();
}

/** What differs from machine to machine or from day to day, and what nobody needs. */
const CLEAN = script`
rm -rf r/var/cache/apt/*.bin r/var/cache/apt/archives/*.deb r/var/lib/apt/lists/* r/var/cache/ldconfig r/var/cache/man
rm -f r/var/cache/debconf/*-old r/var/lib/dpkg/*-old r/var/lib/dpkg/available r/var/lib/dpkg/lock* r/etc/*-
rm -f r/etc/ssh/ssh_host_* r/var/lib/dbus/machine-id r/var/lib/systemd/random-seed r/root/.bash_history
find r/var/log -type f -delete
mkdir -p r/var/lib/apt/lists/partial r/var/cache/apt/archives/partial
rm -f r/etc/machine-id r/etc/hostname r/etc/resolv.conf
: > r/etc/machine-id
: > r/etc/resolv.conf
: > r/etc/hostname
printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' > r/etc/hosts
mkdir -p r/etc/dpkg/dpkg.cfg.d r/etc/apt/sources.list.d
if [ -s in/paths ]; then cp --no-preserve=all in/paths r/etc/dpkg/dpkg.cfg.d/pibuild; fi
. in/sources`.trim();

/** Leaves sources for apt in the root: debootstrap, in the tools, knows where the distribution's archives are. */
export function sourcesScript(options: {
  readonly distribution: 'debian' | 'ubuntu';
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly ports: boolean;
}): string {
  const { distribution, suites, components, ports } = options;
  const stanza = (uri: string, of: readonly string[]) =>
    of.length === 0
      ? ''
      : `printf 'Types: deb\\nURIs: %s\\nSuites: ${of.join(' ')}\\nComponents: ${components.join(' ')}\\nSigned-By: /usr/share/keyrings/${distribution}-archive-keyring.gpg\\n\\n' "${uri}"`;
  if (distribution === 'ubuntu') {
    const archive = ports ? 'ubuntu-ports' : 'ubuntu';
    return script`
uri=$(sed -n 's/^.*default_mirror \(http.*\/${archive}\)$/\1/p' /usr/share/debootstrap/scripts/gutsy | head -n 1)
{ ${stanza('$uri', suites)}; } > r/etc/apt/sources.list.d/ubuntu.sources
`;
  }
  const security = suites.filter((suite) => suite.endsWith('-security'));
  const others = suites.filter((suite) => !suite.endsWith('-security'));
  const parts = [stanza('$uri', others), stanza('$uri-security', security)].filter((each) => each !== '');
  return script`
uri=$(sed -n 's/^DEF_MIRROR="\(.*\)"$/\1/p' /usr/sbin/debootstrap)
{ ${parts.join('; ')}; } > r/etc/apt/sources.list.d/debian.sources
`;
}
