import { expect, test } from 'vitest';
import { Failure, formatDiagnostic } from '../../../src/diagnostic.ts';
import { parseDockerfile, stepPlaces, withImages } from '../../../src/oci/dockerfile.ts';

const parse = (text: string, args = {}) => parseDockerfile(text, 'Dockerfile', args);

/** What the user reads. */
function told(text: string, args = {}): string {
  try {
    parse(text, args);
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics.map(formatDiagnostic).join('\n');
    throw error;
  }
  return 'nothing';
}

test('the images are those of FROM and COPY --from, each once, but for scratch and own stages', () => {
  const { images, stages } = parse(
    [
      'FROM --platform=linux/arm64 registry.example/go:1 AS build',
      'RUN make',
      'FROM scratch AS empty',
      'FROM Build',
      'COPY --from=build /app /app',
      'COPY --chmod=755 --from=registry.example/tool:2 /tool /',
      'RUN --mount=type=bind,from=registry.example/go:1,target=/go true',
      'FROM pibuild/base',
      'COPY --from=0 /x /x',
    ].join('\n'),
  );
  expect(images.map(({ image }) => image)).toEqual([
    'registry.example/go:1',
    'registry.example/tool:2',
    'pibuild/base',
  ]);
  expect(stages.map(({ base, name }) => [base, name])).toEqual([
    ['registry.example/go:1', 'build'],
    ['scratch', 'empty'],
    ['Build', undefined],
    ['pibuild/base', undefined],
  ]);
});

test('images get other names without anything else being touched', () => {
  const text =
    'ARG V=1\nFROM r.example/a:$V AS a # no comment\n'.replace(' # no comment', '') +
    'COPY --from=r.example/b:2 /a:1 /\n';
  const parsed = parse(text);
  expect(withImages(text, parsed, (image) => `<${image}>`)).toBe(
    'ARG V=1\nFROM <r.example/a:1> AS a\nCOPY --from=<r.example/b:2> /a:1 /\n',
  );
});

test('an argument of FROM is what the recipe says, else its default', () => {
  const text = ['ARG VERSION="1.0"', 'ARG NAME=app-$VERSION', `FROM r.example/$NAME:$${'{TAG:-latest}'}`].join('\n');
  expect(parse(text).images[0]?.image).toBe('r.example/app-1.0:latest');
  expect(parse(text, { VERSION: '2' }).images[0]?.image).toBe('r.example/app-2:latest');
});

test('steps are counted as the builder counts them, whatever lies between them', () => {
  const one = parse(
    '# a\nFROM scratch\n\nRUN a && \\\n  # in between\n  b\nENV X=1\nRUN <<EOF\nFROM nothing\nEOF\nCMD ["x"]\n',
  );
  expect([...stepPlaces(one)].map(([step, { at }]) => `${step} ${at.line}`)).toEqual([
    'STEP 1/5 2',
    'STEP 2/5 4',
    'STEP 3/5 7',
    'STEP 4/5 8',
    'STEP 5/5 11',
  ]);
  const two = parse('FROM scratch AS a\nFROM a\nCMD x');
  expect([...stepPlaces(two).keys()]).toEqual(['[1/2] STEP 1/1', '[2/2] STEP 1/2', '[2/2] STEP 2/2']);
});

test('another character may continue lines', () => {
  expect(parse('# escape=`\nFROM scratch\nRUN a `\n  b').stages[0]?.instructions[1]?.text).toBe('a    b');
});

test.each([
  [
    'FROM scratch\nCOPPY a /\n',
    "Dockerfile:2:1: error: unknown instruction 'COPPY' [dockerfile/syntax]\n  2 | COPPY a /\n    | ^^^^^",
  ],
  [
    'FROM scratch\n  RUN\n',
    'Dockerfile:2:3: error: RUN has nothing behind it [dockerfile/syntax]\n  2 |   RUN\n    |   ^^^',
  ],
  ['', 'Dockerfile:1:1: error: the Dockerfile has no FROM [dockerfile/syntax]\n  1 | \n    | ^'],
  [
    'RUN x\nFROM scratch',
    'Dockerfile:1:1: error: RUN comes before the first FROM [dockerfile/syntax]\n  1 | RUN x\n    | ^^^^^',
  ],
  [
    'FROM a b c',
    'Dockerfile:1:1: error: FROM wants the name of an image, and perhaps AS and the name of a stage [dockerfile/syntax]\n  1 | FROM a b c\n    | ^^^^^^^^^^',
  ],
  [
    'FROM $BASE',
    "Dockerfile:1:1: error: FROM $BASE names nothing: give the argument a value in the recipe's args [dockerfile/syntax]\n  1 | FROM $BASE\n    | ^^^^^^^^^^",
  ],
  [
    'FROM scratch\nRUN cat <<EOF\nx',
    "Dockerfile:2:1: error: the text that '<<EOF' begins has no end [dockerfile/syntax]\n  2 | RUN cat <<EOF\n    | ^",
  ],
])('%j is told with its line', (text, message) => {
  expect(told(text)).toBe(message);
});
