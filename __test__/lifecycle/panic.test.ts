import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

const internal = createRequire(import.meta.url)('../../dist/native.js') as typeof import('../../ts/native.js');

test('a panic in the engine becomes a NativePanicError and the process goes on', () => {
  const panic = () => internal.guarded(() => internal.native.panicProbe('the engine broke'));
  for (let i = 0; i < 3; i += 1) expect(panic).toThrow(/native engine panicked: the engine broke/);
  expect(internal.native.panicProbe('')).toBe(0);
});
