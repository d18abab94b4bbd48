import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { throttleMeter } =
  require('../../.facade/cli/throttle_meter.js') as typeof import('../../ts/cli/throttle_meter.js');

test('throttleMeter adds up the runs of an executor that counts anew with each', () => {
  let throttleTime = 0;
  const executor = Object.assign(new EventEmitter(), { getMetrics: () => ({ throttleTime }) });
  const read = throttleMeter(executor);
  expect(read()).toBe(0);
  throttleTime = 500;
  executor.emit('complete');
  throttleTime = 0;
  executor.emit('start');
  throttleTime = 700;
  expect(read()).toBe(1200);
  throttleTime = 800;
  expect(read()).toBe(1300);
});
