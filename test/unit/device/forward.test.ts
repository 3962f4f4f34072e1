import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { chooseForwards, parseForward, sshLine } from '../../../src/device/forward.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

describe('a forward', () => {
  test.each([
    ['2222:22', { protocol: 'tcp', address: '127.0.0.1', host: 2222, guest: 22 }],
    ['8080:80/tcp', { protocol: 'tcp', address: '127.0.0.1', host: 8080, guest: 80 }],
    ['0.0.0.0:5353:53/udp', { protocol: 'udp', address: '0.0.0.0', host: 5353, guest: 53 }],
  ])('is written as %s', (text, forward) => {
    expect(parseForward(text)).toEqual(forward);
  });

  test.each(['', '22', '2222:', ':22', '0:22', '2222:65536', '2222:22/icmp', 'localhost:1:2', '1:2:3:4'])(
    'is not written as %j',
    (text) => {
      expect(() => parseForward(text)).toThrow(`'${text}' is no forward`);
    },
  );
});

describe('the forwards of a run', () => {
  test('have SSH among them, from the next free port', async () => {
    const [first] = await chooseForwards([], []);
    expect(first).toMatchObject({ address: '127.0.0.1', guest: 22 });
    await listen(first?.host ?? 0);
    const [second] = await chooseForwards([], []);
    expect(second?.host).toBeGreaterThan(first?.host ?? 0);
  });

  test('are the user’s before the board’s', async () => {
    const port = await freePort();
    const forwards = await chooseForwards([parseForward(`${port}:22`)], ['1:22', '5555:80'].map(parseForward));
    expect(forwards.map(({ host, guest }) => [host, guest])).toEqual([
      [port, 22],
      [5555, 80],
    ]);
  });

  test('that are taken are told, with what to type instead', async () => {
    const port = await listen(0);
    await expect(chooseForwards([parseForward(`${port}:22`)], [])).rejects.toThrow(
      expect.objectContaining({
        diagnostics: [
          {
            severity: 'error',
            code: 'device/port-taken',
            message: `port ${port} of 127.0.0.1 is taken by another program`,
            hint: `forward another one: --forward ${port + 1}:22`,
          },
        ],
      }),
    );
  });
});

test('the line for SSH is there when something leads to it', () => {
  expect(sshLine([parseForward('8080:80')])).toBeUndefined();
  expect(sshLine([parseForward('8080:80'), parseForward('2222:22')])).toBe(
    'ssh -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1',
  );
});

function listen(port: number): Promise<number> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

async function freePort(): Promise<number> {
  const port = await listen(0);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return port;
}
