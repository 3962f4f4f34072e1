import { expect, test } from 'vitest';
import type { ArchiveName } from '../../../src/archive/apt-defaults.ts';
import { type MirrorSources, mirrorsOf } from '../../../src/archive/mirror.ts';
import { Failure } from '../../../src/diagnostic.ts';

/** The URLs for an archive on a machine that says only this much. */
function urls(
  archive: ArchiveName,
  says: Partial<MirrorSources> & { list?: string; sources?: string },
  snapshot?: string,
) {
  const { list, sources, ...more } = says;
  const aptFiles = [
    ...(list === undefined ? [] : [{ path: '/etc/apt/sources.list', text: list }]),
    ...(sources === undefined ? [] : [{ path: '/etc/apt/sources.list.d/debian.sources', text: sources }]),
  ];
  const nothing: MirrorSources = {
    environment: {},
    aptFiles,
    mirrorList: () => undefined,
    defaults: { snapshots: {}, mirrors: {} },
  };
  return mirrorsOf(archive, { ...nothing, ...more }, snapshot).map(({ url }) => url);
}

const debian12 = `
# deb cdrom:[Debian]/ bookworm main
deb http://mirror.example.org/debian bookworm main contrib # the near one
deb-src http://mirror.example.org/debian/ bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] https://security.example.org/pool bookworm-security main
deb https://download.example.com/linux/debian bookworm stable
deb [signed-by=/etc/apt/keyrings/vendor.gpg] https://vendor.example.com/debian bookworm main
deb https://apt.example.com/ bookworm main
`;

test('a Debian host serves with the mirrors of its sources.list, security by its suite', () => {
  expect(urls('debian', { list: debian12 })).toEqual(['http://mirror.example.org/debian/']);
  expect(urls('debian-security', { list: debian12 })).toEqual(['https://security.example.org/pool/']);
});

test('deb822 sources are read, with comments, folded lines and disabled entries', () => {
  const sources = `# a comment
Types: deb deb-src
URIs: http://one.example.org/debian
 http://two.example.org/debian
# another in the middle
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp

Types: deb
URIs: http://off.example.org/debian
Suites: trixie
Components: main
Enabled: no

Types: deb
URIs: http://three.example.org/debian-security
Suites: trixie-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0srwuhlB6JKFkcf4HU4SSS/xcRfwEQWzr
 -----END PGP PUBLIC KEY BLOCK-----
`;
  expect(urls('debian', { sources })).toEqual(['http://one.example.org/debian/', 'http://two.example.org/debian/']);
  expect(urls('debian-security', { sources })).toEqual(['http://three.example.org/debian-security/']);
});

test('an Ubuntu host is never a mirror of Debian, and a Debian host never one of Ubuntu', () => {
  const list =
    'deb http://archive.example.org/ubuntu noble main universe\ndeb http://ports.example.org/ubuntu-ports noble main\n';
  expect(() => urls('debian', { list })).toThrow(Failure);
  expect(() => urls('ubuntu', { list: debian12 })).toThrow(Failure);
  expect(urls('ubuntu', { list })).toEqual(['http://archive.example.org/ubuntu/']);
  expect(urls('ubuntu-ports', { list })).toEqual(['http://ports.example.org/ubuntu-ports/']);
});

test('mirror+file: stands for the mirrors of its list, best first', () => {
  const list = 'deb mirror+file:/etc/apt/mirrors/debian.list trixie main\n';
  const mirrors =
    '# near ones\nhttp://far.example.org/debian\tpriority:2\nhttp://near.example.org/debian\tpriority:1\n';
  const mirrorList = (path: string) => (path === '/etc/apt/mirrors/debian.list' ? mirrors : undefined);
  const signed = list.replace('deb ', 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ');
  expect(urls('debian', { list: signed, mirrorList })).toEqual([
    'http://near.example.org/debian/',
    'http://far.example.org/debian/',
  ]);
});

test('the environment takes the place of apt, and may name several', () => {
  const environment = { PIBUILD_DEBIAN_MIRROR: 'http://own.example.org/debian /srv/debian' };
  expect(urls('debian', { environment, list: debian12 })).toEqual([
    'http://own.example.org/debian/',
    'file:///srv/debian/',
  ]);
});

test('an archive that nobody names is looked for beside its main one', () => {
  const environment = {
    PIBUILD_DEBIAN_MIRROR: 'http://own.example.org/debian',
    PIBUILD_UBUNTU_MIRROR: 'http://u.example.org/x',
  };
  expect(urls('debian-security', { environment })).toEqual(['http://own.example.org/debian-security/']);
  expect(() => urls('ubuntu-ports', { environment })).toThrow(Failure);
});

test('the defaults of apt come after what the host says, and the snapshot service at the locked time last', () => {
  const defaults = {
    mirrors: { debian: 'http://default.example.org/debian/' },
    snapshots: { debian: 'https://snapshot.example.org/archive/debian/@SNAPSHOTID@/' },
  };
  expect(urls('debian', { list: debian12, defaults }, '20260102T030405Z')).toEqual([
    'http://mirror.example.org/debian/',
    'http://default.example.org/debian/',
    'https://snapshot.example.org/archive/debian/20260102T030405Z/',
  ]);
});

test('a mirror that is named twice is asked once', () => {
  const list = 'deb http://m.example.org/debian trixie main\ndeb http://m.example.org/debian/ trixie-updates main\n';
  expect(urls('debian', { list })).toEqual(['http://m.example.org/debian/']);
});

test('when nothing names a mirror the user is told what to set', () => {
  const error = (() => {
    try {
      return urls('debian-security', {});
    } catch (thrown) {
      return thrown;
    }
  })();
  expect((error as Failure).diagnostics).toEqual([
    {
      severity: 'error',
      code: 'archive/no-mirror',
      message: "nothing on this machine says where the archive 'debian-security' is",
      hint: 'set PIBUILD_DEBIAN_SECURITY_MIRROR to the URL of a mirror, the folder that holds its dists/ and pool/',
    },
  ]);
});
