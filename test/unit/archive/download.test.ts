import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DownloadOptions, type DownloadPlace, downloadAll } from '../../../src/archive/download.ts';
import { type Diagnostic, Failure } from '../../../src/diagnostic.ts';
import { digestIn, type LoopbackServer, sendBytes, serve } from '../../helpers/archive.ts';

const content = Buffer.from('0123456789abcdef'.repeat(20_000));
const digest = digestIn(content);

let folder = '';
const servers: LoopbackServer[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pibuild-test-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(...[answer]: Parameters<typeof serve>): Promise<LoopbackServer> {
  const server = await serve(answer);
  servers.push(server);
  return server;
}

/** The address of a server that is no more. */
async function closed(): Promise<string> {
  const server = await serve(() => {});
  await server.close();
  return server.url;
}

/** Compared here: the test runner would take seconds to compare so many bytes. */
function isContent({ bytes }: { bytes?: Buffer | undefined }): boolean {
  return bytes?.equals(content) ?? false;
}

const partial = (): string => join(folder, digest.hash);

/** Downloads `content` from these places; the bytes that came, or what the user is told. */
async function download(places: readonly (string | DownloadPlace)[], more: Partial<DownloadOptions> = {}) {
  const from = places.map((place) => (typeof place === 'string' ? { url: place } : place));
  const options: DownloadOptions = {
    partial: (of) => join(folder, of.hash),
    signal: new AbortController().signal,
    rounds: 2,
    pause: 1,
    stall: 300,
    ...more,
  };
  let bytes: Buffer | undefined;
  try {
    await downloadAll([{ name: 'file.deb', digest, from }], options, async (_, path) => {
      bytes = readFileSync(path);
    });
  } catch (error) {
    if (error instanceof Failure) return { told: error.diagnostics[0] as Diagnostic };
    throw error;
  }
  return { bytes };
}

test('a file arrives whole', async () => {
  const server = await start((request, response) => sendBytes(request, response, content));
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
});

test('an empty file arrives', async () => {
  const server = await start((request, response) => sendBytes(request, response, Buffer.alloc(0)));
  const empty = { name: 'empty', digest: digestIn(Buffer.alloc(0)), from: [{ url: `${server.url}/a` }] };
  const names: string[] = [];
  const options = { partial: partial, signal: new AbortController().signal };
  await downloadAll([empty], options, async ({ name }, path) => {
    names.push(`${name} ${readFileSync(path).length}`);
  });
  expect(names).toEqual(['empty 0']);
});

test('what is half there is continued', async () => {
  writeFileSync(partial(), content.subarray(0, 1000));
  const server = await start((request, response) => sendBytes(request, response, content));
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(server.requests).toEqual(['GET /a bytes=1000-']);
});

test('a server that ignores the range is read from the start', async () => {
  writeFileSync(partial(), content.subarray(0, 1000));
  const server = await start((_, response) => void response.end(content));
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
});

test('a server that refuses the range is asked again without it', async () => {
  writeFileSync(partial(), content.subarray(0, 1000));
  const server = await start((request, response) => {
    if (request.headers.range) response.writeHead(416).end();
    else sendBytes(request, response, content);
  });
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(server.requests).toEqual(['GET /a bytes=1000-', 'GET /a']);
});

test('a half that belongs to another file is thrown away, and the file read anew', async () => {
  writeFileSync(partial(), 'other bytes');
  const server = await start((request, response) => sendBytes(request, response, content));
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
});

test('a partial file that is too long is thrown away', async () => {
  writeFileSync(partial(), Buffer.concat([content, content]));
  const server = await start((request, response) => sendBytes(request, response, content));
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(server.requests).toEqual(['GET /a']);
});

test('a partial file that is whole needs no request', async () => {
  writeFileSync(partial(), content);
  const server = await start((_, response) => void response.writeHead(500).end());
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(server.requests).toEqual([]);
});

test('what a killed pibuild had claimed is continued', async () => {
  // Process ids end at 4194304 on Linux.
  writeFileSync(`${partial()}.9999999.1`, content.subarray(0, 500));
  const server = await start((request, response) => sendBytes(request, response, content));
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(server.requests).toEqual(['GET /a bytes=500-']);
});

test('what another pibuild is downloading is left alone', async () => {
  const claimed = `${partial()}.${process.ppid}.1`;
  writeFileSync(claimed, content.subarray(0, 500));
  const server = await start((request, response) => sendBytes(request, response, content));
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(readFileSync(claimed).length).toBe(500);
});

test('a body that is cut short is continued where it broke', async () => {
  let broken = false;
  const server = await start((request, response) => {
    if (broken) return sendBytes(request, response, content);
    broken = true;
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 70_000), () => response.destroy());
  });
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(server.requests).toEqual(['GET /a', expect.stringMatching(/^GET \/a bytes=[1-9][0-9]{4}-$/)]);
});

test('a body that ends too early without saying so is continued', async () => {
  let broken = false;
  const server = await start((request, response) => {
    if (broken) return sendBytes(request, response, content);
    broken = true;
    response.writeHead(200, { connection: 'close', 'transfer-encoding': 'chunked' });
    response.end(content.subarray(0, 70_000));
  });
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
});

test('a server that stops answering is left for the next place', async () => {
  const hanging = await start((_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 10));
  });
  const mute = await start(() => {});
  const good = await start((request, response) => sendBytes(request, response, content));
  const log: string[] = [];
  const places = [`${hanging.url}/a`, `${mute.url}/a`, `${good.url}/a`];
  const { bytes } = await download(places, { log: (line) => log.push(line) });
  expect(isContent({ bytes })).toBe(true);
  expect(log).toEqual([`file.deb: ${hanging.url}/a stopped answering`, `file.deb: ${mute.url}/a stopped answering`]);
});

test('an error of the server is tried again', async () => {
  let failures = 0;
  const server = await start((request, response) => {
    if (failures++ === 0) response.writeHead(503, { 'retry-after': '0' }).end();
    else sendBytes(request, response, content);
  });
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
});

test('a file that no place has is gone from everywhere', async () => {
  const server = await start((_, response) => void response.writeHead(404).end());
  const { told } = await download([`${server.url}/a`, `${server.url}/b`]);
  expect(told).toEqual({
    severity: 'error',
    code: 'archive/vanished',
    message: "'file.deb' is gone from everywhere",
    notes: [{ message: `${server.url}/a answered 404` }, { message: `${server.url}/b answered 404` }],
  });
});

test('a last resort that is out of reach does not keep a file from being gone', async () => {
  const server = await start((_, response) => void response.writeHead(404).end());
  const { told } = await download([`${server.url}/a`, { url: `${await closed()}/a`, lastResort: true }]);
  expect(told?.code).toBe('archive/vanished');
});

test('a mirror that is out of reach does', async () => {
  const nowhere = await closed();
  const server = await start((_, response) => void response.writeHead(404).end());
  const { told } = await download([`${server.url}/a`, `${nowhere}/a`]);
  expect(told?.code).toBe('archive/unreachable');
  expect(told?.notes?.[1]?.message).toBe(`${nowhere}/a connection refused`);
});

test('the last resort is asked last, and may have the file', async () => {
  const gone = await start((_, response) => void response.writeHead(404).end());
  const last = await start((request, response) => sendBytes(request, response, content));
  const places = [{ url: `${last.url}/a`, lastResort: true }, `${gone.url}/a`];
  expect(isContent(await download(places))).toBe(true);
  expect(gone.requests).toEqual(['GET /a']);
});

test('other bytes under the same name are refused, and the next place is asked', async () => {
  const wrong = await start((request, response) => sendBytes(request, response, Buffer.alloc(content.length)));
  const good = await start((request, response) => sendBytes(request, response, content));
  expect(isContent(await download([`${wrong.url}/a`, `${good.url}/a`]))).toBe(true);
  expect((await download([`${wrong.url}/a`])).told?.code).toBe('archive/wrong-bytes');
});

test('a file of another size is refused without reading it', async () => {
  const server = await start((request, response) => sendBytes(request, response, Buffer.alloc(10)));
  const { told } = await download([`${server.url}/a`]);
  expect(told?.notes?.[0]?.message).toBe(`${server.url}/a has 10 bytes instead of ${content.length}`);
});

test('a body without end is left when it is longer than the file', async () => {
  const server = await start((_, response) => {
    const more = (): void => void (response.writable && response.write(Buffer.alloc(65_536), () => setImmediate(more)));
    more();
  });
  const { told } = await download([`${server.url}/a`]);
  expect(told?.code).toBe('archive/wrong-bytes');
  expect(told?.notes?.[0]?.message).toBe(`${server.url}/a sent more than ${content.length} bytes`);
});

test('what has come is kept when all fails, and continued the next time', async () => {
  let whole = false;
  const server = await start((request, response) => {
    if (whole) return sendBytes(request, response, content);
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 70_000), () => response.destroy());
  });
  expect((await download([`${server.url}/a`], { rounds: 1 })).told?.code).toBe('archive/unreachable');
  expect(readdirSync(folder)).toEqual([digest.hash]);
  whole = true;
  expect(isContent(await download([`${server.url}/a`]))).toBe(true);
  expect(server.requests.at(-1)).toMatch(/^GET \/a bytes=[1-9][0-9]{4}-$/);
});

test('a cancelled download ends at once and keeps what has come', async () => {
  const cancel = new AbortController();
  const server = await start((_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 70_000));
  });
  const progress = (bytes: number): void => void (bytes > 0 && cancel.abort());
  await expect(download([`${server.url}/a`], { signal: cancel.signal, stall: 60_000, progress })).rejects.toThrow();
  expect(readFileSync(partial()).length).toBeGreaterThan(0);
});

test('progress counts each byte of the file once, whatever was tried', async () => {
  writeFileSync(partial(), 'other bytes');
  const server = await start((request, response) => sendBytes(request, response, content));
  let bytes = 0;
  const progress = (more: number): void => {
    bytes += more;
  };
  await download([`${server.url}/a`], { progress });
  expect(bytes).toBe(content.length);
});

test('many files come side by side, each failure with a diagnostic of its own', async () => {
  const files = Array.from({ length: 20 }, (_, index) => Buffer.from(`file ${index}`));
  const server = await start((request, response) => {
    const index = Number(request.url?.slice(1));
    if (index % 10 === 3) response.writeHead(404).end();
    else sendBytes(request, response, files[index] as Buffer);
  });
  const downloads = files.map((bytes, index) => ({
    name: `file-${index}`,
    digest: digestIn(bytes),
    from: [{ url: `${server.url}/${index}` }],
  }));
  const done: string[] = [];
  const options = { partial: (of: { hash: string }) => join(folder, of.hash), signal: new AbortController().signal };
  const failed = await downloadAll(downloads, options, async ({ name }) => void done.push(name)).catch(
    (error) => error,
  );
  expect(failed).toBeInstanceOf(Failure);
  expect((failed as Failure).diagnostics.map(({ message }) => message)).toEqual([
    "'file-3' is gone from everywhere",
    "'file-13' is gone from everywhere",
  ]);
  expect(done.length).toBe(18);
});

test('file: URLs are read, and continued, like any other', async () => {
  const path = join(folder, 'pool file');
  writeFileSync(path, content);
  writeFileSync(partial(), content.subarray(0, 1000));
  expect(isContent(await download([pathToFileURL(path).href]))).toBe(true);
  expect((await download([pathToFileURL(join(folder, 'none')).href])).told?.code).toBe('archive/vanished');
});

test('a user and password in a URL are sent, and never printed', async () => {
  const headers: (string | undefined)[] = [];
  const server = await start((request, response) => {
    headers.push(request.headers.authorization);
    response.writeHead(404).end();
  });
  const url = server.url.replace('//', '//me:secret@');
  const { told } = await download([`${url}/a`]);
  expect(Buffer.from(headers[0]?.split(' ')[1] ?? '', 'base64').toString()).toBe('me:secret');
  expect(JSON.stringify(told)).not.toContain('secret');
});

test('the proxy that the environment names is used, but for what no_proxy excepts', async () => {
  const proxied: string[] = [];
  const proxy = await start((request, response) => {
    proxied.push(request.url ?? '');
    sendBytes(request, response, content);
  });
  const direct = await start((request, response) => sendBytes(request, response, content));
  const before = { http_proxy: process.env.http_proxy, no_proxy: process.env.no_proxy };
  Object.assign(process.env, { http_proxy: proxy.url, no_proxy: '127.0.0.1' });
  try {
    expect(isContent(await download(['http://mirror.example.org/debian/a']))).toBe(true);
    expect(isContent(await download([`${direct.url}/a`]))).toBe(true);
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  expect(proxied).toEqual(['http://mirror.example.org/debian/a']);
  expect(direct.requests).toEqual(['GET /a']);
});
