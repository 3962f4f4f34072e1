import { expect, test } from 'vitest';
import { withDebootstrap } from '../../../src/archive/debootstrap.ts';
import { mirrorsOf } from '../../../src/archive/mirror.ts';

const script = `case $ARCH in
  amd64|i386)
    default_mirror http://archive.example/ubuntu
    ;;
  *)
    default_mirror http://ports.example/ubuntu-ports
    ;;
esac
`;

const nothing = {
  environment: {},
  aptFiles: [],
  mirrorList: () => undefined,
  defaults: { snapshots: {}, mirrors: {} },
};

test("debootstrap's script names both archives of Ubuntu", () => {
  const sources = withDebootstrap(nothing, script);
  expect(mirrorsOf('ubuntu', sources).map(({ url }) => url)).toEqual(['http://archive.example/ubuntu/']);
  expect(mirrorsOf('ubuntu-ports', sources).map(({ url }) => url)).toEqual(['http://ports.example/ubuntu-ports/']);
});

test('what apt and the environment name goes before', () => {
  const known = { ...nothing, defaults: { snapshots: {}, mirrors: { ubuntu: 'http://apt.example/ubuntu/' } } };
  expect(mirrorsOf('ubuntu', withDebootstrap(known, script))[0]?.url).toBe('http://apt.example/ubuntu/');
  const told = { ...known, environment: { PIBUILD_UBUNTU_MIRROR: 'http://own.example/u' } };
  expect(mirrorsOf('ubuntu', withDebootstrap(told, script)).map(({ url }) => url)).toEqual(['http://own.example/u/']);
});
