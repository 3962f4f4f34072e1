import { expect, test } from 'vitest';
import { serviceFile } from '../../../src/service/definition.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

test('a service that says nothing is started again with backoff, and its failure is its own', () => {
  const file = serviceFile({ name: 'it', stage: 'services', recipe: {} }, {}, [digest]);
  expect(file).toMatchObject({
    layers: ['0123456789abcdef'],
    restart: { policy: 'on-failure', backoff: 1000, max: 60_000, tries: 0 },
    timeout: 10_000,
    onFailure: 'ignore',
    logs: { size: 262_144, keep: 2 },
    stopSignal: 'SIGTERM',
    namespace: 'services.pibuild',
  });
  expect(file).not.toHaveProperty('ready');
});

test('what runs once is run once, for as long as it takes, and its failure stops the start', () => {
  const file = serviceFile({ name: 'it', stage: 'onboot', recipe: {} }, {}, []);
  expect(file).toMatchObject({ restart: { policy: 'never' }, timeout: 0, onFailure: 'stop-boot' });
});

test('times and sizes become numbers, and devices without numbers are looked up on the board', () => {
  const recipe = {
    ready: { tcp: '80', within: '2m' },
    restart: { policy: 'always', backoff: '500ms', tries: 3 },
    logs: { size: '1M', keep: 0 },
    devices: ['/dev/i2c-1', { path: '/dev/null', type: 'c', major: 1, minor: 3 }],
  } as const;
  const file = serviceFile({ name: 'it', stage: 'services', recipe: structuredClone(recipe) as never }, {}, []);
  expect(file).toMatchObject({
    ready: { tcp: '80', within: 120_000 },
    restart: { policy: 'always', backoff: 500, tries: 3 },
    logs: { size: 1_048_576, keep: 0 },
    devices: ['/dev/i2c-1'],
  });
});

test('no log is kept where the recipe says so', () => {
  expect(serviceFile({ name: 'it', stage: 'services', recipe: { logs: false } }, {}, [])).not.toHaveProperty('logs');
});
