import { Command, CommanderError, Option } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { type Diagnostic, didYouMean, Failure, formatDiagnostic } from '../diagnostic.ts';
import { type Context, createContext, type GlobalOptions, type Host, Interrupted } from './context.ts';
import { describeBug } from './crash.ts';
import { verbs as allVerbs } from './index.ts';
import { exitCodes, positive, positiveDecimal, type Verb, type VerbOption } from './verb.ts';

/** pibuild itself: a function from words and an outside to an exit code. Never throws, never ends the process. */
export async function pibuild(words: readonly string[], host: Host, verbs = allVerbs): Promise<number> {
  let call: (() => Promise<number>) | undefined;
  let json = words.includes('--json');
  try {
    const program = createProgram(host, verbs, (verb, context, given) => {
      json = context.options.json;
      call = async () => (await verb.load()).run(context, given);
    });
    program.parse(words, { from: 'user' });
    const code = call === undefined ? exitCodes.ok : await call();
    return code === exitCodes.ok ? code : (stopCode(host.signal) ?? code);
  } catch (error) {
    return explain(error, host, words, verbs, json);
  }
}

/** The exit code of diagnostics: 2 when what was typed or written in a recipe is wrong, else 1. */
export function exitCodeOf(diagnostics: readonly Diagnostic[]): number {
  const usage = /^(cli|project|recipe|template|plan|graph|hat|timeline)\//;
  return diagnostics.some((diagnostic) => usage.test(diagnostic.code)) ? exitCodes.usage : exitCodes.failed;
}

type Start = (verb: Verb, context: Context, call: { arguments: string[]; options: Record<string, unknown> }) => void;

function createProgram(host: Host, verbs: readonly Verb[], start: Start): Command {
  const program = new Command('pibuild')
    .description('Builds the whole system of a Raspberry Pi product, and boots it without the board.')
    .version(packageFile.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpCommand(new Command('help').argument('[verb]').description('Print the help of a verb').helpGroup('Verbs:'))
    .configureHelp({ showGlobalOptions: true, styleUsage: (text) => text.replace(/\bcommand\b/, 'verb') })
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => host.stdout.columns || 80,
      getErrHelpWidth: () => host.stderr.columns || 80,
    })
    .commandsGroup('Verbs:')
    .exitOverride();
  for (const option of globalOptions) program.addOption(option);
  for (const verb of verbs) addVerb(program, verb, host, start);
  program.addHelpText('after', endOfHelp);
  return program;
}

const globalOptions: readonly Option[] = [
  new Option('-j, --jobs <n>', 'how many tasks and compilers run at once (default: the processors)'),
  new Option('-l, --load <n>', 'begin no task or compiler while the load average is this or more'),
  new Option('-k, --keep-going', 'build what can still be built after a task failed'),
  new Option('--offline', 'use no network'),
  new Option('--frozen', 'fail rather than lock anew what vanished from the mirrors'),
  new Option('-C, --project <folder>', 'the project, instead of the one around the working directory'),
  new Option('--store <folder>', 'the store, instead of PIBUILD_STORE or ~/.cache/pibuild'),
  new Option('--json', 'print one JSON object a line, for programs'),
  new Option('--explain', 'say before each task which file, line or recipe value makes it run'),
  new Option('-v, --verbose', 'print why each task runs and all that it prints'),
  new Option('-q, --quiet', 'print only what went wrong'),
  new Option('--no-color', 'no colour (so does NO_COLOR; FORCE_COLOR wants it)'),
];

const endOfHelp = `
Exit codes: 0 done, 1 the build or a test failed, 2 wrong usage or recipe, 130 stopped by Ctrl-C, 70 a bug in pibuild.
`;

function addVerb(program: Command, verb: Verb, host: Host, start: Start): void {
  const command = program.command(verb.name).summary(verb.summary);
  command.description(verb.details === undefined ? `${verb.summary}.` : `${verb.summary}.\n\n${verb.details}`);
  for (const argument of verb.arguments) command.argument(argument.name, argument.summary);
  for (const option of verb.options) command.addOption(verbOption(option));
  command.addHelpText('after', examplesOf(verb));
  command.action(() => {
    const context = createContext(host, globalOptionsOf(program.opts()));
    start(verb, context, { arguments: command.args, options: command.opts() });
  });
}

type Given = Partial<Omit<GlobalOptions, 'jobs' | 'load'>> & { jobs?: string; load?: string };

function globalOptionsOf({ jobs, load, ...given }: Given): GlobalOptions {
  const off = {
    json: false,
    verbose: false,
    quiet: false,
    color: true,
    keepGoing: false,
    offline: false,
    frozen: false,
    explain: false,
  };
  return {
    ...off,
    ...given,
    ...(jobs !== undefined && { jobs: positive(jobs) }),
    ...(load !== undefined && { load: positiveDecimal(load) }),
  };
}

function verbOption({ flags, summary, parse, repeat }: VerbOption): Option {
  const option = new Option(flags, summary);
  if (repeat) {
    const value = parse ?? ((text: string) => text);
    option.argParser((text: string, before?: unknown[]) => [...(before ?? []), value(text)]);
  } else if (parse) {
    option.argParser(parse);
  }
  return option;
}

function examplesOf({ examples }: Verb): string {
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, purpose]) => `  pibuild ${command.padEnd(width)}  ${purpose}`);
  return `\nExamples:\n${lines.join('\n')}\n`;
}

function explain(error: unknown, host: Host, words: readonly string[], verbs: readonly Verb[], json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
  if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
  const stopped = stopCode(host.signal);
  if (stopped !== undefined && (error instanceof Failure || isAbort(error, host.signal))) return stopped;
  const known = error instanceof CommanderError ? new Failure(usageDiagnostic(error, words, verbs)) : error;
  if (!(known instanceof Failure)) {
    host.stderr.write(`${describeBug(error, words)}\n`);
    return exitCodes.bug;
  }
  const { diagnostics } = known;
  if (json) host.stdout.write(`${JSON.stringify({ type: 'failed', at: Date.now(), diagnostics })}\n`);
  else host.stderr.write(`${diagnostics.map(formatDiagnostic).join('\n')}\n`);
  return exitCodeOf(diagnostics);
}

function stopCode({ reason }: AbortSignal): number | undefined {
  return reason instanceof Interrupted ? reason.exitCode : undefined;
}

/** What stopped work looks like when it is thrown: the signal's own reason, or Node's AbortError. */
function isAbort(error: unknown, { reason }: AbortSignal): boolean {
  return error === reason || (error instanceof Error && error.name === 'AbortError');
}

/** commander's `error: unknown option '--x'\n(Did you mean --y?)` in the form of every other diagnostic. */
function usageDiagnostic(error: CommanderError, words: readonly string[], verbs: readonly Verb[]): Diagnostic {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const message = first.replace('unknown command', 'unknown verb').replace(/\.$/, '');
  const code = error.code.replace('commander.', '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const suggestion = /Did you mean (?:one of )?(.*)\?/.exec(rest.join(' '))?.[1];
  const hint = suggestion === undefined ? usageHint(error, words, verbs) : `did you mean '${suggestion}'?`;
  return { severity: 'error', code: `cli/${code.replace('command', 'verb')}`, message, hint };
}

function usageHint(error: CommanderError, words: readonly string[], verbs: readonly Verb[]): string {
  const names = verbs.map((verb) => verb.name);
  const verb = words.find((word) => names.includes(word));
  const unknown = error.code === 'commander.unknownCommand' ? /'(.*)'/.exec(error.message)?.[1] : undefined;
  const near = unknown === undefined ? undefined : didYouMean(unknown, names);
  const runs = verbs.some(({ name, arguments: given }) => name === verb && given.at(-1)?.name === '[command...]');
  if (runs && error.code === 'commander.unknownOption') return "options of the command's own stand behind --";
  return near ?? `see 'pibuild ${verb === undefined ? '' : `${verb} `}--help'`;
}
