// Slow down when memory runs short: pause, collect garbage, go on a second later.
import assert from 'node:assert/strict';
import { DatasetStream } from '@aah/ai-evals/performance';

const stream = new DatasetStream<{ id: number; text: string }>({ batchSize: 100, maxMemory: 4 * 1024 * 1024 });
let pauses = 0;

stream.on('memory-pressure', ({ current, max }) => {
  console.log(`memory: ${(current / 1e6).toFixed(1)} of ${(max / 1e6).toFixed(1)} MB`);
  pauses += 1;
  stream.pause();
  global.gc?.();
  setTimeout(() => stream.resume(), 1000);
});

const COUNT = 3000;
for (let id = 0; id < COUNT; id += 1) {
  while (!stream.push({ id, text: `${id} `.repeat(400) })) {
    await new Promise((r) => stream.once('batch-complete', r));
  }
}
const ids = await stream.process(async (batch) => batch.map(({ id }) => id));

console.log(`${ids.length} items through, paused ${pauses} times`);
assert.deepEqual(ids, [...Array(COUNT).keys()]);
