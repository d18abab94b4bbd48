// Embed only the texts that were never embedded before, in one batch.
import assert from 'node:assert/strict';
import { cacheManager } from '@aah/ai-evals/performance';

let embedded = 0;

async function generateEmbeddings(texts: string[]): Promise<Map<string, number[]>> {
  embedded += texts.length; // a real program calls its embedding model here, once for the whole batch
  return new Map(texts.map((text) => [text, Array.from({ length: 384 }, (_, i) => Math.sin(text.length * (i + 1)))]));
}

async function embed(texts: string[]): Promise<Map<string, number[] | undefined>> {
  const cached = cacheManager.embeddingCache.batchGet(texts);
  const uncached = texts.filter((t) => !cached.get(t));
  if (uncached.length > 0) {
    const newEmbeddings = await generateEmbeddings(uncached);
    cacheManager.embeddingCache.batchSet(newEmbeddings);
    for (const [text, embedding] of newEmbeddings) cached.set(text, embedding);
  }
  return cached;
}

await embed(['grade point average', 'transfer credits', 'core courses']);
const second = await embed(['transfer credits', 'core courses', 'amateur status']);

console.log(`${embedded} embeddings made for 6 asked for`);
assert.equal(embedded, 4);
assert.equal(second.get('core courses')?.length, 384);
