import { createServer } from 'node:net';
import { fail } from '../diagnostic.ts';

/** A port of this machine that leads to one of the guest's. */
export interface Forward {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly host: number;
  readonly guest: number;
}

/** Where SSH is forwarded from when nothing is asked for, and how many ports above are tried when it is taken. */
const LOCAL = '127.0.0.1';
const SSH = 2222;
const TRIES = 50;

const FORM = /^(?:(?<address>[\d.]+):)?(?<host>\d{1,5}):(?<guest>\d{1,5})(?:\/(?<protocol>tcp|udp))?$/;

/** Reads `2222:22`, `8080:80/tcp`, `0.0.0.0:2222:22`. Without an address only this machine gets in. Throws a `Failure`. */
export function parseForward(text: string): Forward {
  const { address = LOCAL, host, guest, protocol = 'tcp' } = FORM.exec(text)?.groups ?? {};
  const ports = [Number(host), Number(guest)];
  if (ports.every((port) => port >= 1 && port <= 65_535)) {
    return { protocol: protocol as Forward['protocol'], address, host: Number(host), guest: Number(guest) };
  }
  throw fail('cli/forward', `'${text}' is no forward`, 'write HOST:GUEST, like 2222:22 or 0.0.0.0:8080:80/tcp');
}

/**
 * The forwards of a run: the user's, those of the board that the user says nothing about, and SSH if neither does.
 * Throws a `Failure` when a port that was asked for is taken.
 */
export async function chooseForwards(user: readonly Forward[], board: readonly Forward[]): Promise<Forward[]> {
  const rest = board.filter(({ guest }) => !user.some((forward) => forward.guest === guest));
  const wanted = [...user, ...rest];
  await checkForwards(wanted);
  const ssh = wanted.some(({ guest }) => guest === 22) ? undefined : await sshForward();
  return ssh === undefined ? wanted : [...wanted, ssh];
}

/** The line that gets into the guest, when a forward leads to its SSH. */
export function sshLine(forwards: readonly Forward[], user = 'root'): string | undefined {
  const forward = forwards.find(({ guest, protocol }) => guest === 22 && protocol === 'tcp');
  if (forward === undefined) return undefined;
  const address = forward.address === '0.0.0.0' ? 'localhost' : forward.address;
  // Each image makes its own host key on its first boot, so it is another one each time.
  return `ssh -p ${forward.host} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null ${user}@${address}`;
}

/** SSH from the first free port at or above 2222; undefined when all of fifty are taken. */
async function sshForward(): Promise<Forward | undefined> {
  for (let port = SSH; port < SSH + TRIES; port++) {
    if (await isFree(LOCAL, port)) return { protocol: 'tcp', address: LOCAL, host: port, guest: 22 };
  }
  return undefined;
}

/** Throws a `Failure` that names a port that is taken. */
async function checkForwards(forwards: readonly Forward[]): Promise<void> {
  for (const forward of forwards) {
    if (forward.protocol === 'udp' || (await isFree(forward.address, forward.host))) continue;
    throw fail(
      'device/port-taken',
      `port ${forward.host} of ${forward.address} is taken by another program`,
      `forward another one: --forward ${forward.host + 1}:${forward.guest}`,
    );
  }
}

function isFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}
