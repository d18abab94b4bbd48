import {
  CacheManager,
  type CacheStats,
  cacheManager,
  EmbeddingCache,
  LRUCache,
  QueryCache,
  ResponseCache,
} from '@aah/ai-evals/performance';
import { expect, expectTypeOf, test } from 'vitest';

interface Answer {
  text: string;
}

test('untyped callers compile: what comes out can be assigned to anything', async () => {
  const generateAndCache = async (): Promise<Answer> => ({ text: 'generated' });
  const answer: Answer = cacheManager.responseCache.get('nobody asked', { modelId: 'm' }) ?? (await generateAndCache());
  expect(answer.text).toBe('generated');
  const row: { average: number } | undefined = cacheManager.queryCache.get('nobody asked', { studentId: 1 });
  expect(row).toBeUndefined();
  const anything: string = new LRUCache({ maxSize: 1 }).get('nothing') ?? 'none';
  expect(anything).toBe('none');
});

test('typed caches know what they hold', () => {
  expectTypeOf(new LRUCache<number>().get('a')).toEqualTypeOf<number | undefined>();
  expectTypeOf(new ResponseCache<Answer>().get(1, 2)).toEqualTypeOf<Answer | undefined>();
  expectTypeOf(new QueryCache<Answer>().get('q')).toEqualTypeOf<Answer | undefined>();
  expectTypeOf(new QueryCache().get<Answer>('q', { id: 1 })).toEqualTypeOf<Answer | undefined>();
  expectTypeOf(new EmbeddingCache().batchGet(['a'])).toEqualTypeOf<Map<string, number[] | undefined>>();
  expectTypeOf(new EmbeddingCache<Float32Array>().get('a')).toEqualTypeOf<Float32Array | undefined>();
  // @ts-expect-error a number is no Answer
  new ResponseCache<Answer>().set('a', {}, 5);
  // @ts-expect-error a string key
  expect(() => new LRUCache<number>().get(5)).toThrow(TypeError);
  // @ts-expect-error an option that does not exist
  new LRUCache({ maxEntries: 5 });
});

test('caches of any type can be managed', () => {
  const manager = new CacheManager();
  manager.responseCache = new ResponseCache<Answer>({ maxSize: 5 });
  manager.embeddingCache = new EmbeddingCache<Float32Array>();
  manager.queryCache = new QueryCache<Answer[]>();
  const stats = manager.getAllStats();
  expectTypeOf(stats).toEqualTypeOf<{ response: CacheStats; embedding: CacheStats; query: CacheStats }>();
  expect(Object.keys(stats.response).sort()).toEqual([
    'avgAccessTime',
    'entries',
    'evictions',
    'hitRate',
    'hits',
    'maxSize',
    'memoryUsage',
    'misses',
    'size',
  ]);
});

test('onEvict is told the types', () => {
  new LRUCache<number>({
    onEvict: ({ key, value, reason }) => {
      expectTypeOf(key).toEqualTypeOf<string>();
      expectTypeOf(value).toEqualTypeOf<number>();
      expectTypeOf(reason).toEqualTypeOf<'entries' | 'bytes' | 'expired' | 'replaced' | 'deleted' | 'cleared'>();
    },
  });
  expect(new EmbeddingCache({ ttl: undefined, maxSize: undefined }).getStats().maxSize).toBe(1000);
});
