import { afterEach, expect, test } from 'vitest';
import { openHttpClient } from '../../../src/archive/transfer.ts';
import type { Credentials } from '../../../src/oci/credentials.ts';
import { withLogin } from '../../../src/oci/login.ts';
import { type LoopbackServer, serve } from '../../helpers/archive.ts';

const servers: LoopbackServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(...[answer]: Parameters<typeof serve>): Promise<LoopbackServer> {
  const server = await serve(answer);
  servers.push(server);
  return server;
}

const signal = new AbortController().signal;
const credentials: Credentials = { user: 'me', password: 'secret' };

async function get(url: string, given: Credentials | undefined = credentials, origins = [new URL(url).origin]) {
  const login = { registry: 'registry.example', name: 'app', origins, credentials: () => given };
  const client = withLogin(await openHttpClient({ connect: 1000, stall: 1000 }), login);
  try {
    const response = await client.get(url, {}, signal);
    return { status: response.status, text: await response.text(), refusal: client.refusal() };
  } finally {
    await client.close();
  }
}

test('a redirect to another server takes no login along', async () => {
  const seen: (string | undefined)[] = [];
  const storage = await start((request, response) => {
    seen.push(request.headers.authorization);
    response.end('bytes');
  });
  const registry = await start((request, response) => {
    seen.push(request.headers.authorization);
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else response.writeHead(307, { location: `${storage.url}/blob` }).end();
  });
  expect(await get(`${registry.url}/v2/app/blobs/x`)).toMatchObject({ status: 200, text: 'bytes' });
  expect(seen).toEqual([undefined, `Basic ${Buffer.from('me:secret').toString('base64')}`, undefined]);
});

test('nobody but the registry is told the login, whoever asks for one', async () => {
  const seen: (string | undefined)[] = [];
  const other = await start((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
  });
  expect((await get(`${other.url}/x`, credentials, ['http://registry.example'])).status).toBe(401);
  expect(seen).toEqual([undefined]);
});

test('a public registry gives out tokens to nobody in particular', async () => {
  const registry = await start((request, response) => {
    if (request.url?.startsWith('/token')) response.end(JSON.stringify({ access_token: 'abc' }));
    else if (request.headers.authorization === 'Bearer abc') response.end('manifest');
    else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
  });
  expect(await get(`${registry.url}/v2/app/manifests/1`, undefined)).toMatchObject({ text: 'manifest' });
  expect(registry.requests[1]).toBe('GET /token?scope=repository%3Aapp%3Apull');
});

test.each([
  ['a server that gives out no token', '{}', 200, /gave out no token$/],
  ['a server that refuses the login', '', 401, /refused the login of 'registry\.example'$/],
])('%s is told', async (_, body, status, refusal) => {
  const registry = await start((request, response) => {
    if (request.url?.startsWith('/token')) response.writeHead(status).end(body);
    else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
  });
  expect((await get(`${registry.url}/x`)).refusal).toMatch(refusal);
});

test('a password is not sent to a token server without encryption when the registry has it', async () => {
  const registry = await start((_, response) => {
    response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://auth.example/token"' }).end();
  });
  const login = { registry: 'registry.example', name: 'app', origins: [registry.url], credentials: () => credentials };
  // Stands in for https: the address is asked over a client that goes to the loopback server.
  const inner = await openHttpClient({ connect: 1000, stall: 1000 });
  const client = withLogin(
    {
      ...inner,
      get: (url, headers, abort) => inner.get(url.replace(/^https:\/\/r\.example/, registry.url), headers, abort),
    },
    { ...login, origins: ['https://r.example'] },
  );
  await client.get('https://r.example/x', {}, signal);
  expect(client.refusal()).toBe("'registry.example' wants its password sent without encryption");
  await client.close();
});
