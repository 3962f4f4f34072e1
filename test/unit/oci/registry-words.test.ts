import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseChallenges } from '../../../src/oci/challenge.ts';
import { dockerCredentials } from '../../../src/oci/credentials.ts';
import { endpointsOf, mirrorVariable } from '../../../src/oci/mirrors.ts';

/** Credentials out of a config.json with this text. */
function configured(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
  writeFileSync(join(folder, 'config.json'), text);
  return dockerCredentials({ DOCKER_CONFIG: folder });
}

const auth = Buffer.from('me:pass:word').toString('base64');

test('a challenge names its scheme and parameters, quoted or not', () => {
  expect(
    parseChallenges('Bearer realm="https://auth.example/token",service="a, \\"b\\"",scope=repository:x:pull'),
  ).toEqual([
    {
      scheme: 'bearer',
      parameters: { realm: 'https://auth.example/token', service: 'a, "b"', scope: 'repository:x:pull' },
    },
  ]);
});

test('several challenges in one header are told apart', () => {
  const challenges = parseChallenges('Basic realm="r", Negotiate, Bearer realm="t"');
  expect(challenges.map(({ scheme, parameters }) => [scheme, parameters.realm])).toEqual([
    ['basic', 'r'],
    ['negotiate', undefined],
    ['bearer', 't'],
  ]);
});

test('what is no challenge at all is none', () => {
  expect(parseChallenges('')).toEqual([]);
  expect(parseChallenges('"?')).toEqual([]);
});

test('a login is found by the host, however its tool wrote the key', () => {
  for (const key of ['registry.example:5000', 'https://registry.example:5000/v2/', 'http://registry.example:5000']) {
    const find = configured(JSON.stringify({ auths: { [key]: { auth } } }));
    expect(find('registry.example:5000')).toEqual({ user: 'me', password: 'pass:word' });
    expect(find('other.example')).toBeUndefined();
  }
});

test('without a config.json nobody said how to log in', () => {
  expect(dockerCredentials({}, join(tmpdir(), 'pibuild-no-such-home'))('registry.example')).toBeUndefined();
});

test('a login kept by a helper program is refused by name, with what to do', () => {
  for (const config of [
    { credHelpers: { 'registry.example': 'secretservice' } },
    { auths: { 'registry.example': {} }, credsStore: 'secretservice' },
  ]) {
    expect(() => configured(JSON.stringify(config))('registry.example')).toThrow(
      "the login of 'registry.example' is kept by the program 'docker-credential-secretservice', which pibuild does not run",
    );
  }
});

test("a helper of another registry is none of this one's business", () => {
  expect(configured(JSON.stringify({ credHelpers: { 'other.example': 'x' } }))('registry.example')).toBeUndefined();
});

test('a config.json that is no JSON is told without its content', () => {
  expect(() => configured('{"auths": "secret')('registry.example')).toThrow(/config\.json' is not a JSON map$/);
});

test('a registry is asked over https, and on this machine over http', () => {
  expect(endpointsOf('registry.example', {})).toEqual(['https://registry.example']);
  expect(endpointsOf('127.0.0.1:5000', {})).toEqual(['http://127.0.0.1:5000']);
  expect(endpointsOf('localhost:5000', {})).toEqual(['http://localhost:5000']);
});

test('mirrors are asked first, in order; one that is the registry itself stands in for it', () => {
  const variable = mirrorVariable('registry.example:5000');
  expect(variable).toBe('PIBUILD_REGISTRY_MIRROR_REGISTRY_EXAMPLE_5000');
  const value = 'cache.example/proxy, http://lan:5000/v2/';
  expect(endpointsOf('registry.example:5000', { [variable]: value })).toEqual([
    'https://cache.example/proxy',
    'http://lan:5000',
    'https://registry.example:5000',
  ]);
  const said = { [variable]: 'http://registry.example:5000' };
  expect(endpointsOf('registry.example:5000', said)).toEqual(['http://registry.example:5000']);
});

test('a mirror that is no address is told by its variable', () => {
  expect(() => endpointsOf('r.example', { PIBUILD_REGISTRY_MIRROR_R_EXAMPLE: 'https://[' })).toThrow(
    "PIBUILD_REGISTRY_MIRROR_R_EXAMPLE names 'https://[', which is no address",
  );
});
