// Caches of your own sizes and lifetimes, under one manager.
import assert from 'node:assert/strict';
import { CacheManager, EmbeddingCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';

const manager = new CacheManager();
manager.responseCache = new ResponseCache({ maxSize: 500, ttl: 7200000 }); // 2 hours
manager.embeddingCache = new EmbeddingCache({ maxSize: 2000, ttl: 86400000 }); // 1 day
manager.queryCache = new QueryCache({ maxSize: 200, ttl: 300000 }); // 5 minutes

manager.responseCache.set('a question', { model: 'm' }, 'an answer');
manager.embeddingCache.set('a text', [0.1, 0.2]);
manager.queryCache.set('a query', { id: 1 }, { rows: 3 });

for (const [name, { entries, maxSize, memoryUsage }] of Object.entries(manager.getAllStats())) {
  console.log(`${name}: ${entries} of ${maxSize} entries, ${memoryUsage} bytes`);
}
assert.equal(manager.getAllStats().embedding.maxSize, 2000);
manager.clearAll();
assert.equal(manager.getAllStats().response.entries, 0);
