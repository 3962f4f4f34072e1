import { expect, test } from 'vitest';
import { refused } from '../../../src/device/live-hats.ts';
import { recordedHats } from '../../helpers/live-hats.ts';

const temperature = 'qmp qom-set /machine/peripheral/hat.my-hat.case temperature';

test('a value goes to whom the chip belongs to, and is then what the board measures', async () => {
  const { live, told } = recordedHats();
  await live.apply({ set: ['my/hat.case.temperature=30', 'my/hat.air.temperature=-1.5'] });
  expect(told()).toEqual([`${temperature} 30000`, 'twin set my+hat.air var 0 -384']);
  expect(live.state.hats[0]?.chips.map(({ values }) => values.temperature)).toEqual([30, -1.5]);
});

test('what cannot be changes nothing, and every mistake is told', async () => {
  const { live, told } = recordedHats();
  const order = live.apply({ set: ['my/hat.case.temperature=300', 'my/hat.air.temprature=1'] });
  await expect(order).rejects.toThrow(/300 °C is out of .*; 'air' does not measure 'temprature'/);
  await expect(live.apply({ fault: [['my/hat.case', 'nack']] })).rejects.toThrow('which cannot fail');
  expect(told()).toEqual([]);
});

test('a fault takes the place of the one before, and ends with none', async () => {
  const { live, told } = recordedHats();
  await live.apply({ fault: [['my/hat.air', 'nack after 3']] });
  expect(told()).toEqual([
    'twin set my+hat.air var 0 5376',
    'twin fault my+hat.air clear',
    'twin fault my+hat.air nack after 3',
  ]);
  expect(live.state.faults.get('my/hat.air')?.words).toBe('nack after 3');
  await live.apply({ fault: [['my/hat.air', 'none']] });
  expect(told().at(-1)).toBe('twin fault my+hat.air clear');
  expect(live.state.faults.size).toBe(0);
});

test('an earlier state is had again by changing only what is different', async () => {
  const { live, told } = recordedHats();
  const before = live.state;
  await live.apply({ set: ['my/hat.air.temperature=1'], fault: [['my/hat.air', 'stuck']] });
  told();
  await live.restore(before);
  expect(told()).toEqual(['twin set my+hat.air var 0 5376', 'twin fault my+hat.air clear']);
  await live.restore(before);
  expect(told()).toEqual([]);
});

test('a register that was set is what it was at the start when all is as before', async () => {
  const { live, told } = recordedHats();
  const before = live.state;
  await live.apply({ set: ['my/hat.air.0x02=0x1234'] });
  expect(told()).toEqual(['twin set my+hat.air var 0 5376 02: 1234']);
  await live.restore(before);
  expect(told()).toEqual(['twin set my+hat.air 02: 4b00 var 0 5376']);
});

test('a restart takes QEMU’s chips back, and what was changed is so again', async () => {
  const { live, told, reset } = recordedHats();
  await live.apply({ set: ['my/hat.air.temperature=1'], fault: [['my/hat.air', 'stuck']] });
  told();
  reset();
  await live.reachable();
  expect(told()).toEqual([
    'restarted',
    `${temperature} 21000`,
    'twin set my+hat.air var 0 256',
    'twin fault my+hat.air clear',
    'twin fault my+hat.air stuck',
    'open',
  ]);
});

test('a restart of a board that nobody changed waits for nothing', async () => {
  const { live, told, reset } = recordedHats();
  reset();
  await live.restore(live.state);
  expect(told()).toEqual(['restarted', `${temperature} 21000`]);
});

test('what the board refuses is told, and not taken for done', async () => {
  const { live, refuse, problems, reset } = recordedHats();
  await live.apply({ set: ['my/hat.air.temperature=1'] });
  refuse(refused('there is no such chip'));
  await expect(live.apply({ set: ['my/hat.air.temperature=2'] })).rejects.toThrow(
    'the board refused: there is no such chip',
  );
  expect(live.state.hats[0]?.chips[1]?.values.temperature).toBe(1);
  reset();
  await expect.poll(() => problems, { interval: 1 }).toEqual(['the board refused: there is no such chip']);
  live.close();
});

test('a GPIO line is pulled, and is so again after a restart; what the board drives is asked of it', async () => {
  const { live, told, reset } = recordedHats();
  const before = live.state;
  await live.apply({ set: ['my/hat.button=1'] });
  expect(told()).toEqual(['twin gpio set 22 1']);
  expect(await live.outputs()).toEqual([{ path: 'my/hat.led', line: 4, level: 1 }]);
  await expect(live.apply({ set: ['my/hat.led=1'] })).rejects.toThrow('is an output');
  told();
  reset();
  await live.reachable();
  expect(told()).toContain('twin gpio set 22 1');
  await live.restore(before);
  expect(told()).toEqual(['twin gpio set 22 0']);
});
