import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Line, median, seconds } from './line.ts';
import { pibuild, timed } from './process.ts';
import { withProject } from './project.ts';

const TIMES = 7;
const MOST = 1000;

/** Of the program that waits for a value: the pressure's first byte, which the chip measures all the time. */
const WATCH = [
  'stty -echo; dmesg -n 1; PS1=; i2cset -y 1 0x77 0xf4 0x27',
  'watch() { while :; do now=$(i2cget -y 1 0x77 0xf7); [ "$now" = "$last" ] || echo "seen $now"; last=$now; done; }',
];

/** Somebody changes the weather: how long until a program on the board that looks all the time sees it. */
export const setValue: Line = {
  name: 'set-value',
  what: '`pibuild set` typed, to the value seen by a program on the emulated board',
  against: 'the same change made by the board itself',
  bar: `<= ${MOST / 1000} s more`,
  measure: (say) => {
    const board = 'board: weather\nextends: rpi3-minimal\npackages: [i2c-twin, enviro-phat]\noverlays: [hats]\n';
    return withProject({ 'boards/weather/board.yaml': board }, async (folder) => {
      say('make weather');
      await timed(pibuild(['-C', folder, 'make', 'weather']));
      say('run weather');
      const guest = console(pibuild(['-C', folder, 'run', 'weather']));
      try {
        await guest.until('login: ');
        await guest.type('root\n');
        await guest.until('# ');
        const theirs = await byItself(guest);
        const ours = await fromOutside(guest, folder, say);
        const more = ours - theirs;
        return { ours: seconds(ours), theirs: seconds(theirs), result: `${seconds(more)} more`, met: more <= MOST };
      } finally {
        guest.end();
        await guest.ended;
      }
    });
  },
};

/** The medians of both, milliseconds. */
async function byItself(guest: Guest): Promise<number> {
  for (const line of WATCH) await guest.type(`${line}\n`);
  await guest.type('watch &\n');
  await guest.until('seen ');
  const took: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    const start = performance.now();
    await guest.type(`i2c-twin set enviro-phat.bmp280 'var 0 ${(0x20 + time) << 12}'\n`);
    await guest.until(`seen 0x${(0x20 + time).toString(16)}`);
    took.push(performance.now() - start);
  }
  return median(took);
}

async function fromOutside(guest: Guest, folder: string, say: (text: string) => void): Promise<number> {
  const took: number[] = [];
  // The first one makes the connection that the others use.
  for (let time = 0; time <= TIMES; time++) {
    const start = performance.now();
    const set = timed(
      pibuild(['-C', folder, 'set', '--board', 'weather', `enviro-phat.bmp280.pressure=${400 + 60 * time}`]),
    );
    await guest.until('seen ');
    if (time > 0) took.push(performance.now() - start);
    else say(`the first, with its connection: ${seconds(performance.now() - start)}`);
    await set;
  }
  return median(took);
}

interface Guest {
  until(text: string): Promise<void>;
  type(text: string): Promise<void>;
  end(): void;
  readonly ended: Promise<unknown>;
}

/** The serial console of a board, in pipes. */
function console([program = '', ...words]: readonly string[]): Guest {
  const child: ChildProcessWithoutNullStreams = spawn(program, words, { env: { ...process.env, FORCE_COLOR: '0' } });
  let said = '';
  let wake = (): void => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      said += data;
      wake();
    });
  }
  const ended = once(child, 'close');
  let over = false;
  void ended.then(() => {
    over = true;
    wake();
  });
  return {
    until: async (text) => {
      while (!said.includes(text)) {
        if (over) throw new Error(`the board ended before it said '${text}':\n${said}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      said = said.slice(said.indexOf(text) + text.length);
    },
    type: async (text) => {
      child.stdin.write(text);
    },
    end: () => child.kill('SIGTERM'),
    ended,
  };
}
