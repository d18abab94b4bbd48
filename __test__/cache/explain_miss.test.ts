import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResponseCache } from '@aah/ai-evals/performance';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';

const require = createRequire(import.meta.url);
const { describeRequest, nearestDifferences } =
  require('../../.facade/cache/explain_miss.js') as typeof import('../../ts/cache/explain_miss.js');
const { stableKey } =
  require('../../.facade/cache/key/stable_key.js') as typeof import('../../ts/cache/key/stable_key.js');

const messages = (text: string) => [
  { role: 'system', content: 'You are terse.' },
  { role: 'user', content: text },
];
const config = { model: 'gpt-4', temperature: 0, tools: [{ name: 'search' }] };

afterEach(() => {
  vi.useRealTimers();
});

test('there is nothing to explain for a live entry', () => {
  const cache = new ResponseCache({ explain: true });
  cache.set('a', config, 1);
  expect(cache.explainMiss('a', config)).toBeUndefined();
  expect(cache.getStats()).toMatchObject({ hits: 0, misses: 0 });
});

test('an empty cache says so', () => {
  expect(new ResponseCache({ explain: true }).explainMiss('a', config)).toMatchObject({
    reason: 'empty',
    differences: [],
  });
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
  const cache = new ResponseCache({ explain: true });
  cache.set({ messages: messages('an entirely different question') }, { model: 'other' }, 1);
  cache.set({ messages: messages('Why?') }, config, 2);
  expect(cache.explainMiss({ messages: messages('Why?') }, asked)).toMatchObject({ reason: 'different', differences });
});

test('long texts are told by length and digest, and not kept', () => {
  const cache = new ResponseCache({ explain: true });
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

test('names the setting that differs, in a chat of any length and behind large tools and schemas', () => {
  const schema = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`property${i}`, { type: 'string' }]));
  const settings = { responseFormat: { schema }, temperature: 0, toolChoice: { type: 'auto' }, tools: [{ schema }] };
  const ofModel = { call: 'generate', key: { ...schema }, modelId: 'm', provider: 'p', settings };
  for (const length of [1, 41, 60, 99, 400]) {
    const chat = Array.from({ length }, (_, i) => ({
      role: 'user',
      content: [{ type: 'text', text: `message ${i}` }],
    }));
    const cache = new ResponseCache({ explain: true });
    cache.set(chat, ofModel, 1);
    const other = { ...ofModel, settings: { ...settings, temperature: 1, toolChoice: { type: 'none' } } };
    expect(cache.explainMiss(chat, other)?.differences).toEqual([
      { path: 'modelConfig.settings.temperature', asked: '1', stored: '0' },
      { path: 'modelConfig.settings.toolChoice.type', asked: '"none"', stored: '"auto"' },
    ]);
    const longer = [...chat.slice(0, -1), { role: 'user', content: 'something else' }];
    const [path, ...more] = cache.explainMiss(longer, ofModel)?.differences.map((one) => one.path) ?? [];
    expect(path).toMatch(length > 100 ? /^input$/ : new RegExp(`^input\\[${length - 1}\\]`));
    expect(more.every((other) => other.startsWith(`input[${length - 1}]`))).toBe(true);
  }
});

test('texts of the input, prompts and secrets are told by length and digest, and still named', () => {
  const cache = new ResponseCache({ explain: true });
  const secret = {
    apiKey: 'sk-1',
    headers: { 'x-auth': 'a', trace: 'b' },
    system: 'Be brief.',
    maxTokens: 10,
    model: 'm',
  };
  cache.set({ text: 'Why?', n: 1 }, secret, 1);
  const text = (length: number) => expect.stringMatching(new RegExp(`^a text of ${length} characters, #[0-9a-f]{12}$`));
  const other = {
    apiKey: 'sk-22',
    headers: { 'x-auth': 'a', trace: 'bb' },
    system: 'Be long.',
    maxTokens: 20,
    model: 'n',
  };
  expect(cache.explainMiss({ text: 'Who?', n: 2 }, other)?.differences).toEqual([
    { path: 'input.n', asked: '2', stored: '1' },
    { path: 'input.text', asked: text(4), stored: text(4) },
    { path: 'modelConfig.apiKey', asked: text(5), stored: text(4) },
    { path: 'modelConfig.headers.trace', asked: text(2), stored: text(1) },
    { path: 'modelConfig.maxTokens', asked: '20', stored: '10' },
    { path: 'modelConfig.model', asked: '"n"', stored: '"m"' },
    { path: 'modelConfig.system', asked: text(8), stored: text(9) },
  ]);
  const name = 'a question that is used as the name of a member';
  cache.set({ [name]: 1, [`${name}!`]: 1 }, secret, 1);
  const [difference] = cache.explainMiss({ [name]: 1, [`${name}!`]: 2 }, secret)?.differences ?? [];
  expect(difference?.path).toMatch(/^input\["a question that …#[0-9a-f]{12}"\]$/);
});

test('compares the entries used last of very many, and says so; knows an expired one', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'hrtime'] });
  const folder = mkdtempSync(join(tmpdir(), 'ai-evals-explain-'));
  const cache = new ResponseCache({ explain: true, persist: join(folder, 'cache.db'), staleWhileRevalidate: 1e9 });
  try {
    cache.set('short-lived', config, 1, { ttl: 10 });
    cache.set('asked long ago', { ...config, seed: 1 }, 1);
    for (let i = 0; i < 2100; i += 1) cache.set(i, { n: i }, 1);
    cache.set('asked last', { ...config, seed: 2 }, 1);
    expect(cache.explainMiss('asked last', { ...config, seed: 3 })).toMatchObject({
      differences: [{ path: 'modelConfig.seed', asked: '3', stored: '2' }],
      message: expect.stringContaining('the nearest of the 2000 that were looked at differs in modelConfig.seed'),
    });
    expect(cache.explainMiss('asked long ago', { ...config, seed: 3 })?.differences[0]?.path).toBe('input');
    vi.advanceTimersByTime(20);
    expect(cache.explainMiss('short-lived', config)).toMatchObject({ reason: 'expired', differences: [] });
  } finally {
    cache.close();
    rmSync(folder, { recursive: true });
  }
});

test('an entry that has expired, and another repeat, are told as such', () => {
  vi.useFakeTimers();
  const cache = new ResponseCache({ explain: true, ttl: 100, staleWhileRevalidate: 10_000 });
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
  const cache = new ResponseCache({ explain: true });
  cache.set(stored, config, 1);
  expect(cache.explainMiss(asked, config)?.differences.map((one) => one.path)).toContain(path);
});

test('an object that holds itself is told by digest', () => {
  const cyclic: { name: string; self?: unknown } = { name: 'x' };
  cyclic.self = cyclic;
  const cache = new ResponseCache({ explain: true });
  cache.set(cyclic, config, 1);
  expect(cache.has(cyclic, config)).toBe(true);
  expect(cache.explainMiss({ name: 'y' }, config)?.reason).toBe('different');
});

test.each([
  ['an undefined element more', [1], [1, undefined], [{ path: 'input[1]', asked: 'undefined', stored: undefined }]],
  [
    'a hole',
    [1, undefined, 2],
    Object.assign([1], { 2: 2 }),
    [{ path: 'input[1]', asked: 'a hole', stored: 'undefined' }],
  ],
  ['an empty list', [undefined], [], expect.arrayContaining([{ path: 'input', asked: '[]', stored: undefined }])],
  ['a member that is not a list', { a: {} }, { a: [] }, [{ path: 'input.a', asked: '[]', stored: '{}' }]],
])('tells %s', (_what, stored, asked, differences) => {
  const cache = new ResponseCache({ explain: true });
  cache.set(stored, config, 1);
  expect(cache.has(asked, config)).toBe(false);
  expect(cache.explainMiss(asked, config)?.differences).toEqual(differences);
});

test('two requests are told apart exactly where their keys differ', () => {
  class Note {
    text = 'x';
  }
  class Custom {
    toJSON() {
      return { a: 1 };
    }
  }
  class Moment extends Date {}
  class Registry extends Map {}
  const toJSON = () => 1;
  const leaf = fc.constantFrom<unknown>(
    ...[undefined, null, 0, -0, 1, '1', 1n, Number.NaN, true, '', 'undefined', 'a hole', '[]', '{}', 'x\t\ny'],
    ...['long '.repeat(20), `${'long '.repeat(19)}more `],
    ...[new Date(0), new Moment(0), new Date(1), /a/, /a/g, new Map(), new Registry(), new Map([[1, 2]]), new Set([1])],
    ...[
      new Note(),
      new Custom(),
      new Uint8Array(2),
      Buffer.alloc(2),
      new Int8Array(2),
      new Error('e'),
      new String('1'),
    ],
    ...[
      { toJSON },
      { toJSON, a: 1 },
      { toJSON: undefined, a: 1 },
      { toJSON: 5 },
      Array.from({ length: 101 }, (_, i) => i),
    ],
  );
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.tuple(fc.array(tie('value'), { maxLength: 2 }), fc.nat(3)).map(([list, length]) => {
        list.length = length;
        return list;
      }),
      fc.dictionary(fc.constantFrom('a', 'b', 'a.b', '0', ''), tie('value'), { maxKeys: 3 }),
      tie('value').map((inner) => {
        const cyclic = { inner, self: {} };
        cyclic.self = cyclic;
        return cyclic;
      }),
      tie('value').map((inner) => [[[[[[[[[inner]]]]]]]]]),
    ),
  })).value;
  /** The same content made anew, with members in another order and some that are `undefined`. */
  const again = (part: unknown): unknown => {
    if (Array.isArray(part)) return Object.assign(new Array(part.length), part.map(again));
    if (typeof part !== 'object' || part === null || Object.getPrototypeOf(part) !== Object.prototype) return part;
    if ('self' in part) return part;
    const members = Object.entries(part).map(([name, member]): [string, unknown] => [name, again(member)]);
    return Object.fromEntries([['none', undefined], ...members.reverse()]);
  };
  const pair = fc.oneof(
    fc.tuple(value, value),
    value.map((one) => [one, again(one)] as [unknown, unknown]),
  );
  const seen = { same: 0, different: 0 };
  fc.assert(
    fc.property(pair, fc.tuple(leaf, leaf), fc.boolean(), ([a, b], [one, other], isSameConfig) => {
      const [stored, asked] = [describeRequest(a, one, 0), describeRequest(b, isSameConfig ? one : other, 0)];
      const isSame = stableKey(a) === stableKey(b) && (isSameConfig || stableKey(one) === stableKey(other));
      seen[isSame ? 'same' : 'different'] += 1;
      expect(nearestDifferences(asked, [stored]).differences.length === 0).toBe(isSame);
      expect(asked === stored).toBe(isSame);
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(seen.same, seen.different)).toBeGreaterThan(500);
});
