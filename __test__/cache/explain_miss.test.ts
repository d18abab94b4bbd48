import { ResponseCache } from '@aah/ai-evals/performance';
import { afterEach, expect, test, vi } from 'vitest';

const messages = (text: string) => [
  { role: 'system', content: 'You are terse.' },
  { role: 'user', content: text },
];
const config = { model: 'gpt-4', temperature: 0, tools: [{ name: 'search' }] };

afterEach(() => {
  vi.useRealTimers();
});

test('there is nothing to explain for a live entry', () => {
  const cache = new ResponseCache();
  cache.set('a', config, 1);
  expect(cache.explainMiss('a', config)).toBeUndefined();
  expect(cache.getStats()).toMatchObject({ hits: 0, misses: 0 });
});

test('an empty cache says so', () => {
  expect(new ResponseCache().explainMiss('a', config)).toMatchObject({ reason: 'empty', differences: [] });
});

test.each([
  [
    'a changed number',
    { ...config, temperature: 0.5 },
    [{ path: 'modelConfig.temperature', asked: '0.5', stored: '0' }],
  ],
  [
    'a missing member',
    { model: 'gpt-4', temperature: 0 },
    [{ path: 'modelConfig.tools[0].name', asked: undefined, stored: '"search"' }],
  ],
  ['a new member', { ...config, seed: 7 }, [{ path: 'modelConfig.seed', asked: '7', stored: undefined }]],
  ['another type', { ...config, temperature: '0' }, [{ path: 'modelConfig.temperature', asked: '"0"', stored: '0' }]],
  [
    'a member deep down',
    { ...config, tools: [{ name: 'fetch' }] },
    [{ path: 'modelConfig.tools[0].name', asked: '"fetch"', stored: '"search"' }],
  ],
])('tells %s from the nearest entry', (_what, asked, differences) => {
  const cache = new ResponseCache();
  cache.set({ messages: messages('an entirely different question') }, { model: 'other' }, 1);
  cache.set({ messages: messages('Why?') }, config, 2);
  expect(cache.explainMiss({ messages: messages('Why?') }, asked)).toMatchObject({ reason: 'different', differences });
});

test('long texts are told by length and digest, and not kept', () => {
  const cache = new ResponseCache();
  const secret = `my password is hunter2 ${'x'.repeat(200)}`;
  cache.set(secret, config, 1);
  const explained = cache.explainMiss(`${secret}!`, config);
  expect(explained?.differences).toHaveLength(1);
  expect(explained?.differences[0]).toMatchObject({
    path: 'input',
    asked: expect.stringMatching(/^a text of 224 characters, #[0-9a-f]{12}$/),
    stored: expect.stringMatching(/^a text of 223 characters, #[0-9a-f]{12}$/),
  });
  expect(JSON.stringify(explained)).not.toContain('hunter2');
});

test('an entry that has expired, and another repeat, are told as such', () => {
  vi.useFakeTimers();
  const cache = new ResponseCache({ ttl: 100, staleWhileRevalidate: 10_000 });
  cache.set('a', config, 1);
  expect(cache.explainMiss('a', config, { repeat: 2 })).toMatchObject({
    differences: [{ path: 'repeat', asked: '2', stored: undefined }],
  });
  vi.advanceTimersByTime(200);
  expect(cache.explainMiss('a', config)).toMatchObject({ reason: 'expired' });
});

test.each([
  [
    'maps and dates',
    { when: new Date(0), tags: new Map([['a', 1]]) },
    { when: new Date(1), tags: new Map([['a', 1]]) },
    'input.when',
  ],
  ['huge objects', Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i])), { k0: 0 }, 'input'],
  ['odd names', { 'a.b c\n': 1 }, { 'a.b c\n': 2 }, 'input["a.b c\\n"]'],
  ['nothing', undefined, null, 'input'],
  ['bigints and NaN', { n: 1n }, { n: Number.NaN }, 'input.n'],
])('copes with %s', (_what, stored, asked, path) => {
  const cache = new ResponseCache();
  cache.set(stored, config, 1);
  expect(cache.explainMiss(asked, config)?.differences.map((one) => one.path)).toContain(path);
});

test('an object that holds itself is told by digest', () => {
  const cyclic: { name: string; self?: unknown } = { name: 'x' };
  cyclic.self = cyclic;
  const cache = new ResponseCache();
  cache.set(cyclic, config, 1);
  expect(cache.has(cyclic, config)).toBe(true);
  expect(cache.explainMiss({ name: 'y' }, config)?.reason).toBe('different');
});
