// Keep answers for the next process and the next CI run, share them among threads, and never pay for one twice.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CacheMissError, isCompleteAnswer, ResponseCache } from '@aah/ai-evals/performance';

interface Answer {
  text: string;
  finishReason: 'stop' | 'length';
}

const folder = mkdtempSync(join(tmpdir(), 'answers-'));
const options = { persist: join(folder, 'answers.db'), version: 1, shouldCache: isCompleteAnswer };
const config = { model: 'openai/gpt-4', temperature: 0.7 };
let calls = 0;

async function callModel(input: string): Promise<Answer> {
  calls += 1; // here a real program talks to its provider
  return { text: `answer ${calls} to ${input}`, finishReason: input.includes('long') ? 'length' : 'stop' };
}

// Ten callers, one call; five samples of one input, five calls.
const cache = new ResponseCache<Answer>(options);
await Promise.all(Array.from({ length: 10 }, () => cache.getOrCompute('Why?', config, () => callModel('Why?'))));
assert.equal(calls, 1);
for (let repeat = 0; repeat < 5; repeat += 1) {
  await cache.getOrCompute('Why?', config, () => callModel('Why?'), { repeat });
}
assert.equal(calls, 5);

// What was cut off is asked again.
await cache.getOrCompute('a long one', config, () => callModel('a long one'));
assert.equal(cache.has('a long one', config), false);
cache.close();

// The next process: everything is there, and in CI nothing may be spent.
const replay = new ResponseCache<Answer>({ ...options, mode: 'replay' });
console.log(replay.get('Why?', config)?.text);
try {
  replay.get('Why?', { ...config, temperature: 0 });
} catch (error) {
  assert.ok(error instanceof CacheMissError);
  console.log(error.message);
}
console.log(`${calls} calls in all; ${replay.getStats().size} answers in ${replay.getStats().diskUsage} bytes`);
replay.close();
rmSync(folder, { recursive: true });
