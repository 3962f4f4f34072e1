import { type Failure, fail } from '../diagnostic.ts';
import type { Console, Position } from './console.ts';
import { openShell, REPLY, type Shell } from './shell.ts';
import { withoutKernelMessages } from './transcript.ts';

export interface Login {
  readonly user: string;
  /** Absent: the user needs none at the console. */
  readonly password?: string;
  /** Milliseconds until the first login prompt, before scaling. */
  readonly timeout: number;
}

/** A prompt at the end of the text; `login:` in a greeting is not at the end of its line, or not of the text. */
const LOGIN = /(?:^|\n)[^\n]*\blogin: ?$/;
/** The prompt of a root that the board logs in by itself. */
const ROOT_PROMPT = /(?:^|\n)\S*# $/;
const FIRST_PROMPT = new RegExp(`${LOGIN.source}|${ROOT_PROMPT.source}`);
const ANSWER = /Password: ?$|incorrect|[#$>] ?$/;

/** How often a console that hides its prompt behind some message is asked for another. Milliseconds. */
const NUDGE = 10_000;

/**
 * Waits for the login prompt, logs in (unless the board has logged in root by itself), and prepares a shell for
 * commands. Throws a `Failure` when there is no prompt in time or the user is not let in.
 */
export async function logIn(console: Console, login: Login): Promise<Shell> {
  if (ROOT_PROMPT.test(await firstPrompt(console, login.timeout))) return openShell(console);
  let answer = await type(console, login.user, 'an answer to the user name');
  if (answer.startsWith('Password')) {
    if (login.password === undefined) throw refused(`${login.user} needs a password`);
    answer = await type(console, login.password, 'an answer to the password');
  }
  if (!/[#$>] ?$/.test(answer)) throw refused(`${login.user} was not let in`);
  return openShell(console);
}

async function firstPrompt(console: Console, timeout: number): Promise<string> {
  const nudge = setInterval(() => {
    if (console.transcript.includes('login:')) console.send('\n');
  }, NUDGE);
  try {
    return await untilMatch(console, FIRST_PROMPT, { timeout, what: 'a login prompt', since: 0 });
  } finally {
    clearInterval(nudge);
  }
}

async function type(console: Console, text: string, what: string): Promise<string> {
  const since = console.position;
  console.send(`${text}\n`);
  return untilMatch(console, ANSWER, { timeout: REPLY, what, since });
}

interface Wait {
  readonly timeout: number;
  readonly what: string;
  readonly since: Position;
}

/** Kernel messages come right behind prompts, and into them. */
function untilMatch(console: Console, pattern: RegExp, wait: Wait): Promise<string> {
  return console.waitFor((text) => pattern.exec(withoutKernelMessages(text))?.[0], wait);
}

function refused(message: string): Failure {
  return fail(
    'device/login',
    `cannot log in on the console: ${message}`,
    "checks run as root: let the board's root be `passwordless`, or give its password in PIBUILD_ROOT_PASSWORD",
  );
}
