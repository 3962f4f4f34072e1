import { describe, expect, test } from 'vitest';
import { junit, type TestSuite } from '../../../src/report/junit.ts';

const suite: TestSuite = {
  name: 'rpi3-minimal',
  at: new Date('2026-11-24T06:51:21.123Z'),
  took: 43_343,
  properties: { board: 'rpi3-minimal', timeScale: '1.1' },
  cases: [
    { name: 'boots', group: 'rpi3-minimal', took: 16_393.4, outcome: 'passed' },
    { name: 'says "hi" & <bye>', group: 'packages/x', took: 0, outcome: 'passed', output: 'a < b && c > d\n' },
    {
      name: 'fails',
      group: 'busybox',
      took: 611,
      outcome: 'failed',
      message: 'its output does not match /a\nb/',
      output: 'ends with ]]> and \u0000\u001b[31m, \ud800, \uffff, 😀\n',
    },
    { name: 'never came', group: 'busybox', took: 0, outcome: 'skipped', message: 'the board was lost' },
  ],
  output: '[    0.000000] Booting Linux <0x0>\n',
};

describe('JUnit XML', () => {
  test('has a case for each check, and nothing that XML cannot hold', () => {
    expect(junit(suite)).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="pibuild" tests="4" failures="1" errors="0" skipped="1" time="43.343">
        <testsuite name="rpi3-minimal" tests="4" failures="1" errors="0" skipped="1" time="43.343" timestamp="2026-11-24T06:51:21">
          <properties>
            <property name="board" value="rpi3-minimal"/>
            <property name="timeScale" value="1.1"/>
          </properties>
          <testcase name="boots" classname="rpi3-minimal" time="16.393"/>
          <testcase name="says &quot;hi&quot; &amp; &lt;bye&gt;" classname="packages/x" time="0.000">
            <system-out>a &lt; b &amp;&amp; c &gt; d
      </system-out>
          </testcase>
          <testcase name="fails" classname="busybox" time="0.611">
            <failure message="its output does not match /a&#10;b/" type="check">its output does not match /a
      b/</failure>
            <system-out>ends with ]]&gt; and ��[31m, �, �, 😀
      </system-out>
          </testcase>
          <testcase name="never came" classname="busybox" time="0.000">
            <skipped message="the board was lost"/>
          </testcase>
          <system-out>[    0.000000] Booting Linux &lt;0x0&gt;
      </system-out>
        </testsuite>
      </testsuites>
      "
    `);
  });

  test('of nothing is a suite without cases', () => {
    expect(junit({ ...suite, cases: [], properties: {}, output: '' })).toMatchInlineSnapshot(`
      "<?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="pibuild" tests="0" failures="0" errors="0" skipped="0" time="43.343">
        <testsuite name="rpi3-minimal" tests="0" failures="0" errors="0" skipped="0" time="43.343" timestamp="2026-11-24T06:51:21">
          <properties>
          </properties>
          <system-out></system-out>
        </testsuite>
      </testsuites>
      "
    `);
  });
});
