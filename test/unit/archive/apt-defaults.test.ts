import { expect, test } from 'vitest';
import { readAptDefaults } from '../../../src/archive/apt-defaults.ts';

/** A library with these strings among its read-only data. */
function library(...strings: readonly string[]): Buffer {
  return Buffer.concat([
    Buffer.from([1, 2, 3, 0]),
    ...strings.map((text) => Buffer.from(`${text}\0`)),
    Buffer.from([9]),
  ]);
}

test("snapshot services and mirrors are read out of apt's library", () => {
  const bytes = library(
    '@SNAPSHOTID@',
    'https://snapshot.example.org/archive/debian/@SNAPSHOTID@/',
    'Acquire::Snapshots::URI::Origin::Debian',
    'https://snapshot.example.org/archive/debian-security/@SNAPSHOTID@/',
    'https://snapshot.example.com/ubuntu/@SNAPSHOTID@/',
    'https://snapshot.example.org/archive/@PATH@/@SNAPSHOTID@/',
    'Acquire::Snapshots::URI::Host::',
    'Acquire::Snapshots::URI::Host::deb.debian.example',
    'Acquire::Snapshots::URI::Host::.archive.ubuntu.example',
    'Acquire::Snapshots::URI::Host::archive.ubuntu.example',
    'Acquire::Snapshots::URI::Host::security.ubuntu.example',
    'Acquire::Snapshots::URI::Host::ppa.example',
  );
  expect(readAptDefaults(bytes)).toEqual({
    snapshots: {
      debian: 'https://snapshot.example.org/archive/debian/@SNAPSHOTID@/',
      'debian-security': 'https://snapshot.example.org/archive/debian-security/@SNAPSHOTID@/',
      ubuntu: 'https://snapshot.example.com/ubuntu/@SNAPSHOTID@/',
      'ubuntu-ports': 'https://snapshot.example.com/ubuntu/@SNAPSHOTID@/',
    },
    mirrors: {
      debian: 'http://deb.debian.example/debian/',
      'debian-security': 'http://deb.debian.example/debian-security/',
      ubuntu: 'http://archive.ubuntu.example/ubuntu/',
    },
  });
});

test('a library older than these settings has none', () => {
  expect(readAptDefaults(library('Acquire::http::Proxy'))).toEqual({ snapshots: {}, mirrors: {} });
});
