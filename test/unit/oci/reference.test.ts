import { expect, test } from 'vitest';
import { formatReference, parseReference } from '../../../src/oci/reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['registry.example/app:1.0', { registry: 'registry.example', name: 'app', tag: '1.0' }],
  ['registry.example:5000/team/app:v1', { registry: 'registry.example:5000', name: 'team/app', tag: 'v1' }],
  [`localhost/app@${digest}`, { registry: 'localhost', name: 'app', digest }],
  [`[::1]:5000/a/b_c/d--e:latest@${digest}`, { registry: '[::1]:5000', name: 'a/b_c/d--e', tag: 'latest', digest }],
])('%s is an image of a registry', (text, parsed) => {
  expect(parseReference(text)).toEqual(parsed);
  expect(formatReference(parsed)).toBe(text);
});

test.each([
  ['alpine:3.20', 'does not begin with a registry'],
  ['library/alpine:3.20', 'does not begin with a registry'],
  ['registry.example/App:1', "names the repository 'App', which has other than lower-case letters and digits"],
  ['registry.example/app', 'has neither a tag nor a digest'],
  ['registry.example/app:', "has a tag '' that no registry takes"],
  ['registry.example/app:a b', "has a tag 'a b' that no registry takes"],
  ['registry.example/app@sha256:123', 'has a digest that is not sha256: and 64 digits'],
  [`registry.example/app@${digest}@${digest}`, 'has more than one @'],
  ['registry.example//app:1', "names the repository '/app', which has other than lower-case letters and digits"],
  ['reg_istry.example/app:1', 'does not begin with a registry'],
])('%s is none: it %s', (text, fault) => {
  expect(parseReference(text)).toEqual({ fault });
});
