import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';

/**
 * A lock between processes that the kernel frees when its holder dies, however it dies: a socket in Linux's abstract
 * namespace (unix(7)). Where two processes do not share that namespace they both do the work, and as everything
 * appears by rename, the result is the same.
 */
export async function withLock<T>(
  store: string,
  name: string,
  waiting: () => void,
  action: () => Promise<T>,
): Promise<T> {
  const address = `\0pibuild/${createHash('sha256').update(`${process.getuid?.()} ${store} ${name}`).digest('hex')}`;
  let told = false;
  for (;;) {
    const release = await claim(address);
    if (release) {
      try {
        return await action();
      } finally {
        release();
      }
    }
    if (!told) waiting();
    told = true;
    await untilFree(address);
  }
}

/** Takes the address; resolves with what frees it, or undefined when another process has it. */
function claim(address: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    // Whoever waits stays connected until the holder releases or dies; that never keeps the holder's process alive.
    const waiters = new Set<Socket>();
    const server = createServer((socket) => waiters.add(socket.on('error', () => {}).unref()));
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => {
      server.unref();
      resolve(() => {
        server.close();
        for (const socket of waiters) socket.destroy();
      });
    });
  });
}

function untilFree(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(resolve, 20));
  });
}
