// Ask a model only once for the same input and configuration.
import assert from 'node:assert/strict';
import { cacheManager } from '@aah/ai-evals/performance';

interface Answer {
  text: string;
  tokens: number;
}

const modelConfig = { model: 'openai/gpt-4', temperature: 0, maxTokens: 200 };
let calls = 0;

async function generateAndCache(input: string, config: typeof modelConfig): Promise<Answer> {
  calls += 1; // here a real program talks to its provider
  const answer = { text: `${config.model} says: ${input.toUpperCase()}`, tokens: input.length };
  cacheManager.responseCache.set(input, config, answer);
  return answer;
}

async function ask(input: string): Promise<Answer> {
  return cacheManager.responseCache.get(input, modelConfig) ?? (await generateAndCache(input, modelConfig));
}

cacheManager.startCleanup(300000);

for (const input of ['Is a 17-year-old eligible?', 'Is a 21-year-old eligible?', 'Is a 17-year-old eligible?']) {
  console.log((await ask(input)).text);
}
const { hits, misses, hitRate } = cacheManager.responseCache.getStats();
console.log(`${calls} calls for 3 questions; ${hits} hit, ${misses} misses, hit rate ${(hitRate * 100).toFixed(0)} %`);
assert.equal(calls, 2);

// The order of members does not make another configuration.
assert.ok(
  cacheManager.responseCache.has('Is a 17-year-old eligible?', {
    maxTokens: 200,
    temperature: 0,
    model: 'openai/gpt-4',
  }),
);
