/** JUnit XML as CI servers read it (the Jenkins and Surefire schemas): one suite, a case for each check. Pure. */

export interface TestSuite {
  readonly name: string;
  /** When it began. */
  readonly at: Date;
  /** Milliseconds. */
  readonly took: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly cases: readonly TestCase[];
  /** What the tested thing said: the serial console. */
  readonly output: string;
}

export interface TestCase {
  readonly name: string;
  /** Groups cases: the board or package that declares it. */
  readonly group: string;
  /** Milliseconds. */
  readonly took: number;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it did not pass. */
  readonly message?: string;
  readonly output?: string;
}

/** The report of one suite. */
export function junit(suite: TestSuite): string {
  const totals = {
    tests: suite.cases.length,
    failures: countOf(suite, 'failed'),
    errors: 0,
    skipped: countOf(suite, 'skipped'),
    time: seconds(suite.took),
  };
  const timestamp = suite.at.toISOString().replace(/\.\d+Z$/, '');
  const properties = Object.entries(suite.properties);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'pibuild', ...totals })}>`,
    `  <testsuite${attributes({ name: suite.name, ...totals, timestamp })}>`,
    '    <properties>',
    ...properties.map(([name, value]) => `      <property${attributes({ name, value })}/>`),
    '    </properties>',
    ...suite.cases.flatMap(caseLines),
    `    <system-out>${escapeXml(suite.output)}</system-out>`,
    '  </testsuite>',
    '</testsuites>',
    '',
  ];
  return lines.join('\n');
}

function countOf({ cases }: TestSuite, wanted: TestCase['outcome']): number {
  return cases.filter(({ outcome }) => outcome === wanted).length;
}

function caseLines({ name, group, took, outcome, message = '', output }: TestCase): string[] {
  const content: string[] = [];
  if (outcome === 'failed') {
    content.push(`      <failure${attributes({ message, type: 'check' })}>${escapeXml(message)}</failure>`);
  }
  if (outcome === 'skipped') content.push(`      <skipped${attributes({ message })}/>`);
  if (output !== undefined && output !== '') content.push(`      <system-out>${escapeXml(output)}</system-out>`);
  const start = `    <testcase${attributes({ name, classname: group, time: seconds(took) })}`;
  return content.length === 0 ? [`${start}/>`] : [`${start}>`, ...content, '    </testcase>'];
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value)).replace(/[\t\n]/g, characterReference)}"`)
    .join('');
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

/** What XML 1.0 cannot hold even as a reference: most control characters, halves of surrogate pairs, two others. */
const NO_XML = /[^\t\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  return text.replace(NO_XML, '\ufffd').replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}

function characterReference(character: string): string {
  return `&#${character.codePointAt(0)};`;
}
