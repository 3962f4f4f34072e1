import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';

/**
 * Locks between processes that the kernel frees when their holder dies, however it dies: a socket in Linux's abstract
 * namespace (unix(7)). Where two processes do not share that namespace they both do the work, and as everything
 * appears by rename, the result is the same.
 */

/** Does something that no other process may do at the same time. `waiting` is called once if it has to wait. */
export async function withLock<T>(
  store: string,
  name: string,
  waiting: () => void,
  action: () => Promise<T>,
): Promise<T> {
  let told = false;
  for (;;) {
    const release = await claim(store, name);
    if (release) {
      try {
        return await action();
      } finally {
        release();
      }
    }
    if (!told) waiting();
    told = true;
    await untilFree(store, name);
  }
}

/** Takes a lock; resolves with what frees it, or undefined when a living process has it. */
export function claim(store: string, name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    // Whoever waits stays connected until the holder releases or dies; that never keeps the holder's process alive.
    const waiters = new Set<Socket>();
    const server = createServer((socket) => waiters.add(socket.on('error', () => {}).unref()));
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address(store, name), () => {
      server.unref();
      resolve(() => {
        server.close();
        for (const socket of waiters) socket.destroy();
      });
    });
  });
}

/** Resolves when the holder of a lock has released it or died; at once when nobody has it. */
export function untilFree(store: string, name: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address(store, name));
    let free = false;
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      free = code === 'ECONNREFUSED';
    });
    // A moment, so that who waits does not spin while the holder ends.
    socket.on('close', () => (free ? resolve() : setTimeout(resolve, 20)));
  });
}

function address(store: string, name: string): string {
  return `\0pibuild/${createHash('sha256').update(`${process.getuid?.()} ${store} ${name}`).digest('hex')}`;
}
