import { type Line, seconds } from './line.ts';
import { pibuild, timed, withMemory } from './process.ts';
import { withFolder, withProject } from './project.ts';

const FEW = 1000;
const MANY = 10_000;
const MOST_TIMES = 12;
const MOST_MILLISECONDS = 2000;
const MOST_BYTES = 400e6;

/**
 * How planning grows with the project: recipes checked, resolved and made a graph, by a whole process. The start before it
 * has parsed them, as for everybody but the first to see a recipe; what that one took is told, too.
 */
export const planning: Line = {
  name: 'planning',
  what: `planning ${MANY} generated packages`,
  against: `${FEW} packages`,
  bar: `<= ${MOST_TIMES} x, 2 s, 400 MB`,
  measure: async (say) => {
    const few = await plan(FEW, say);
    const many = await plan(MANY, say);
    const times = many.took / few.took;
    return {
      ours: `${seconds(many.took)}, ${(many.memory / 1e6).toFixed(0)} MB (first ${seconds(many.first)})`,
      theirs: seconds(few.took),
      result: `${times.toFixed(1)} x`,
      met: times <= MOST_TIMES && many.took <= MOST_MILLISECONDS && many.memory <= MOST_BYTES,
    };
  },
};

interface Planned {
  /** Milliseconds, of the start that parsed the recipes and of the next one. */
  readonly first: number;
  readonly took: number;
  /** Bytes. */
  readonly memory: number;
}

async function plan(packages: number, say: (text: string) => void): Promise<Planned> {
  say(`${packages} packages`);
  const files = Object.fromEntries(Array.from({ length: packages }, (_, index) => recipe(index)));
  const names = Array.from({ length: packages }, (_, index) => nameOf(index));
  const board = `board: many\nextends: rpi3-minimal\npackages: [${names.join(', ')}]\n`;
  return withProject({ ...files, 'boards/many/board.yaml': board }, (project) =>
    withFolder(async (store) => {
      const argv = pibuild(['-C', project, 'graph', 'many'], store);
      const first = await timed(argv);
      return { ...(await withMemory(argv)), first: first.took };
    }),
  );
}

/** A program that depends on an earlier one, as real ones do on libraries. */
function recipe(index: number): [string, string] {
  const name = nameOf(index);
  const below = index === 0 ? '' : `depends: [${nameOf(Math.floor(index / 2))}]\n`;
  const text = `package: ${name}
kind: make
summary: The generated program number ${index}
version: 1.${index}
license: MIT
${below}source: {url: 'https://example.invalid/${name}.tar.xz', sha256: ${hash(index)}, size: 4096}
make:
  variables: {PREFIX: /usr}
`;
  return [`packages/${name}/package.yaml`, text];
}

function nameOf(index: number): string {
  return `program-${index}`;
}

function hash(index: number): string {
  return index.toString(16).padStart(64, 'a');
}
