import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { Failure, textPlaces } from '../../../src/diagnostic.ts';
import { renderTemplate } from '../../../src/recipe/template.ts';

const handlebars = createRequire(import.meta.url)('handlebars');

const variables = {
  board: 'rpi3',
  version: '1.2',
  count: 3,
  none: 0,
  yes: true,
  kernel: { package: 'linux', version: '6.12' },
  users: [
    { name: 'root', uid: 0, keys: [] },
    { name: 'pi', uid: 1000, keys: ['a', 'b'] },
  ],
  empty: [],
  html: '<b> & "c"',
};

function render(template: string): string {
  return renderTemplate(template, variables, textPlaces('x.hbs', template));
}

function problems(template: string): string[] {
  try {
    return [render(template)];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.diagnostics.map(({ message, at }) => `${at?.line}:${at?.column} ${message}`);
  }
}

describe('a template', () => {
  test.each([
    'no variables',
    '{{board}}-{{ version }} {{kernel.version}}',
    'a {{{html}}} {{html}} {{&html}}',
    '\\{{board}} \\\\{{board}} {{!-- a note --}}{{! a note }}',
    'x{{~board~}} y',
    '{{#if yes}}yes{{else}}no{{/if}}{{#if none}}yes{{else if yes}}else{{/if}}{{#if empty}}full{{else}}empty{{/if}}',
    '{{#unless none}}none{{/unless}}{{^if none}}inverse{{/if}}',
    '{{#each users}}\n{{@index}} {{name}} {{this.uid}} {{../board}}{{#if @last}}.{{/if}}{{#if @first}},{{/if}}\n{{/each}}\nend',
    '{{#each kernel}}{{@key}}={{this}};{{/each}}{{#each empty}}x{{else}}nothing{{/each}}',
    '{{#each users as |user index|}}{{index}}{{user.name}}{{#each user.keys as |key|}}{{user.uid}}{{key}}{{/each}}{{/each}}',
    '{{#each users}}{{#each keys}}{{../name}}{{../../board}}{{this}}{{@root.board}}{{/each}}{{/each}}',
    'line\n  {{#if yes}}\n  text\n  {{/if}}\nline {{board}} }',
    '{{users.1.name}} {{board}}{{"literal"}}',
  ])('says what Handlebars says: %s', (template) => {
    const theirs = handlebars.compile(template.replace('{{"literal"}}', 'literal'), { noEscape: true, strict: true });
    expect(render(template)).toBe(theirs(variables));
  });

  test('has a few pure helpers', () => {
    expect(render('{{#if (eq board "rpi3")}}a{{/if}}{{#if (ne count 3)}}b{{/if}}{{#if (not none)}}c{{/if}}')).toBe(
      'ac',
    );
    expect(render('{{#if (and yes (or none count))}}d{{/if}}{{#if (includes users.1.keys "b")}}e{{/if}}')).toBe('de');
    expect(render('{{join users.1.keys ", "}} {{json kernel}}')).toBe('a, b {"package":"linux","version":"6.12"}');
  });

  test('tells all that is wrong with it, each at its place', () => {
    expect(problems('{{bord}}\n {{#each usrs}}{{x}}{{/each}}\n{{#each users}}{{nam}}{{/each}}')).toEqual([
      "1:3 unknown variable 'bord'",
      "2:10 unknown variable 'usrs'",
      "3:18 unknown variable 'nam'",
      "3:18 unknown variable 'nam'",
    ]);
  });

  test('tells of an unknown variable also where it is only tested', () => {
    expect(problems('{{#if wifi}}x{{/if}}')).toEqual(["1:7 unknown variable 'wifi'"]);
    expect(problems('{{#if (eq wifi 1)}}x{{/if}}')).toEqual(["1:11 unknown variable 'wifi'"]);
    expect(problems('{{../board}}')).toEqual(["1:3 unknown variable '../board'"]);
  });

  test.each(['constructor', '__proto__', 'kernel.constructor', 'kernel.toString', 'board.length', 'users.map'])(
    'sees nothing but own values: %s',
    (name) => {
      expect(problems(`{{${name}}}`)).toEqual([`1:3 unknown variable '${name}'`]);
    },
  );

  test.each([
    ['{{> other}}', 'in a template: partials and decorators are not allowed'],
    ['{{#> other}}{{/other}}', 'in a template: partials and decorators are not allowed'],
    ['{{* decorate}}', 'in a template: partials and decorators are not allowed'],
    ['{{log board}}', "unknown helper 'log'"],
    ['{{lookup kernel "version"}}', "unknown helper 'lookup'"],
    ['{{#with kernel}}{{/with}}', "unknown block '#with'"],
    ['{{#kernel}}{{/kernel}}', "unknown block '#kernel'"],
    ['{{join users sep=","}}', "in a template: helpers take no 'name=value'"],
    ['{{board}}}', "in a template: '}}}' only ends what '{{{' began"],
    ['{{kernel}}', 'this is a map, not text'],
    ['{{#each board}}{{/each}}', "'#each' takes a list or a map"],
    ['{{#if}}{{/if}}', "'#if' takes one value"],
  ])('refuses %s', (template, message) => {
    expect(problems(template).map((problem) => problem.replace(/^\S+ /, ''))).toEqual([message]);
  });
});
