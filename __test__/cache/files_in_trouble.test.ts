/** What users see of a file that is damaged, in use by others or closed, and what nobody finds in one. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EmbeddingCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runChild } from '../lifecycle/child.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-trouble-'));
afterAll(() => rmSync(folder, { recursive: true }));
let n = 0;
const path = () => join(folder, `${++n}`, 'cache.db');

let warnings: { message: string; code: string }[] = [];
const listen = (warning: Error & { code?: string }) => {
  if (warning.code?.startsWith('AI_EVALS_')) warnings.push({ message: warning.message, code: warning.code });
};
const warned = async () => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.map(({ code }) => code);
};
beforeEach(() => {
  warnings = [];
  process.on('warning', listen);
});
afterEach(() => void process.off('warning', listen));

describe('the log of a process that was killed', () => {
  /** A file with an old answer, and a new one that is in its log alone. */
  const killed = async () => {
    const file = path();
    const before = new ResponseCache({ persist: file });
    before.set('q', 1, 'old answer');
    before.close();
    const { signal } = await runChild(`
      const { ResponseCache } = require('@aah/ai-evals');
      new ResponseCache({ persist: ${JSON.stringify(file)} }).set('q', 1, 'new answer');
      process.kill(process.pid, 'SIGKILL');
    `);
    expect(signal).toBe('SIGKILL');
    return file;
  };

  test('has all that was acknowledged', async () => {
    const cache = new ResponseCache({ persist: await killed() });
    expect(cache.get('q', 1)).toBe('new answer');
    cache.close();
    expect(await warned()).toEqual([]);
  });

  test('with one changed byte gives what was stored at one time or nothing, and works', async () => {
    for (const fromEnd of [10, 2000, 6000, 20_000]) {
      const file = await killed();
      const log = readFileSync(`${file}-wal`);
      const at = Math.max(40, log.length - fromEnd);
      log[at] = (log[at] as number) ^ 1;
      writeFileSync(`${file}-wal`, log);
      const cache = new ResponseCache({ persist: file });
      expect([undefined, 'old answer', 'new answer']).toContain(cache.get('q', 1));
      cache.set('q', 1, 'newer');
      expect(cache.get('q', 1)).toBe('newer');
      cache.close();
    }
  });
});

/** Has a process of its own find what is under `key`. */
async function foundByAnother(file: string, key: string): Promise<string> {
  const source = `
    const { ResponseCache } = require('@aah/ai-evals');
    console.log(new ResponseCache({ persist: process.argv[1] }).get(process.argv[2], 1));
  `;
  const { stdout, stderr } = await runChild(source, { args: [file, key] });
  return stdout.trim() + stderr;
}

describe('a file that is gone while it is open', () => {
  const gone: Record<string, (file: string) => void> = {
    removed: (file) => rmSync(file),
    'removed with its log': (file) => ['', '-wal', '-shm'].forEach((suffix) => void rmSync(file + suffix)),
    'without its log': (file) => rmSync(`${file}-wal`),
    'without the index of its log': (file) => rmSync(`${file}-shm`),
    renamed: (file) => renameSync(file, `${file}.old`),
    replaced: (file) => {
      const other = path();
      const cache = new ResponseCache({ persist: other });
      cache.set('of another', 1, 'v');
      cache.close();
      renameSync(other, file);
    },
    'removed with its directory': (file) => rmSync(dirname(file), { recursive: true }),
    'in a directory that was replaced': (file) => {
      renameSync(dirname(file), `${dirname(file)}.old`);
      mkdirSync(dirname(file));
    },
  };
  test.each(Object.entries(gone))('%s: the next set is in the file under the path', async (how, change) => {
    const file = path();
    const cache = new ResponseCache({ persist: file });
    for (const value of ['old', 'new']) cache.set('before', 1, value);
    change(file);
    cache.set('after', 1, 'stored');
    expect(await foundByAnother(file, 'after')).toBe('stored');
    expect(cache.get('after', 1)).toBe('stored');
    expect(cache.get('before', 1), 'an earlier answer').not.toBe('old');
    expect(cache.get('of another', 1)).toBe(how === 'replaced' ? 'v' : undefined);
    cache.close();
    expect(await warned()).toEqual(/index|without/.test(how) ? ['AI_EVALS_CACHE_DAMAGED'] : []);
  });

  test('goes on in memory where it cannot be made again, and says so', async () => {
    const file = path();
    const cache = new ResponseCache({ persist: file });
    cache.set('before', 1, 'v');
    rmSync(dirname(file), { recursive: true });
    writeFileSync(dirname(file), '');
    cache.set('after', 1, 'v');
    expect(cache.get('after', 1)).toBe('v');
    cache.close();
    expect(await warned()).toEqual(['AI_EVALS_CACHE_DEGRADED']);
  });
});

describe('a file of another program', () => {
  /** An SQLite database that is no cache: one of ours with another application id. */
  const database = () => {
    const file = path();
    const cache = new ResponseCache({ persist: file });
    cache.set('a', 1, 1);
    cache.close();
    const bytes = readFileSync(file);
    bytes.writeUInt32BE(77, 68);
    return bytes;
  };
  test.each([
    ['a text file', () => Buffer.from('my notes\n')],
    ['an image', () => Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...Array(5000).keys()])],
    ['an SQLite database', database],
  ])('is refused and left as it is: %s', async (_what, content) => {
    const file = path();
    const bytes = content();
    mkdirSync(dirname(file));
    writeFileSync(file, bytes);
    const opened = [() => new ResponseCache({ persist: file }), () => new EmbeddingCache({ persist: file })];
    for (const open of opened) {
      const refused = { code: 'ERR_STORAGE', message: expect.stringContaining(`${file} is a file of another program`) };
      expect(open).toThrow(expect.objectContaining(refused));
    }
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(readdirSync(dirname(file))).toEqual(['cache.db']);
    expect(await warned()).toEqual([]);
  });
});

test('a relative path in a working directory that was removed is an error that says so', async () => {
  const source = `
    const { ResponseCache } = require('@aah/ai-evals');
    const { mkdirSync, rmdirSync } = require('node:fs');
    mkdirSync(process.argv[1]);
    process.chdir(process.argv[1]);
    rmdirSync(process.argv[1]);
    try {
      new ResponseCache({ persist: 'x.db' });
    } catch (error) {
      console.log(error.code, error.message);
    }
    const cache = new ResponseCache({ persist: process.argv[2] });
    cache.set('a', 1, 'absolute');
    console.log(cache.get('a', 1));
  `;
  const { stdout, stderr } = await runChild(source, { args: [join(folder, 'removed'), path()] });
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /^ERR_STORAGE persist "x\.db" is relative to the working directory, which was removed.*\nabsolute\n$/,
  );
});

test('a thousand damaged rows are two warnings, the second with a count', async () => {
  const file = path();
  const before = new ResponseCache({ persist: file });
  for (let i = 0; i < 1000; i += 1) before.set(i, 1, 'x'.repeat(1500) + i);
  before.close();
  const bytes = readFileSync(file);
  const text = 'x'.repeat(16);
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1600)) bytes[at + 5] = 65;
  writeFileSync(file, bytes);
  const cache = new ResponseCache({ persist: file });
  let hits = 0;
  for (let i = 0; i < 1000; i += 1) if (cache.get(i, 1) !== undefined) hits += 1;
  cache.close();
  expect(hits).toBeLessThan(600);
  expect(await warned()).toEqual(['AI_EVALS_CACHE_DAMAGED', 'AI_EVALS_CACHE_DAMAGED']);
  expect(warnings[1]?.message).toMatch(/^100 entries of .*cache\.db were damaged/);
});

test('a set of one process reaches the file at once while another stores a large batch', async () => {
  const file = path();
  const cache = new EmbeddingCache<Float32Array>({ persist: file });
  cache.set('warm', new Float32Array(1));
  const other = runChild(
    `
      const { EmbeddingCache } = require('@aah/ai-evals');
      const cache = new EmbeddingCache({ persist: ${JSON.stringify(file)} });
      const { existsSync, writeFileSync } = require('node:fs');
      writeFileSync(${JSON.stringify(`${file}.ready`)}, '');
      const until = Date.now() + 3000;
      let i = 0;
      while (Date.now() < until) {
        cache.set('other ' + i++, new Float32Array(1));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      }
      console.log(i);
      process.kill(process.pid, 'SIGKILL');
    `,
    { timeout: 60_000 },
  );
  await expect.poll(() => readdirSync(dirname(file)).includes('cache.db.ready'), { timeout: 20_000 }).toBe(true);
  cache.batchSet(Array.from({ length: 30_000 }, (_, i) => [`t${i}`, new Float32Array(1536).fill(i)]));
  const { stdout, stderr } = await other;
  const count = Number(stdout);
  expect([count > 0, stderr]).toEqual([true, '']);
  expect(Array.from({ length: count }, (_, i) => cache.has(`other ${i}`))).not.toContain(false);
  cache.close();
}, 120_000);

test('a closed cache says so whatever is called, and clear changes nothing', async () => {
  const closed = expect.objectContaining({ code: 'ERR_CLOSED' });
  for (const options of [{ persist: path() }, { shared: 'closed' }]) {
    const cache = new ResponseCache(options);
    cache.set('a', 1, 1);
    cache.close();
    expect(() => cache.clear()).toThrow(closed);
    for (const call of [() => cache.get('a', 1), () => cache.has('a', 1), () => cache.set('a', 1, 2)]) {
      expect(call).toThrow(closed);
    }
    await expect(cache.getOrCompute('a', 1, () => 2)).rejects.toEqual(closed);
  }
});

test('neither prompts nor credentials are in the file', () => {
  const file = path();
  const cache = new ResponseCache({ persist: file, explain: true });
  const config = {
    model: 'gpt-visible',
    apiKey: 'sk-proj-ABCDEFGHIJKLMNOP',
    api_key: 12345678,
    headers: { Authorization: 'Bearer tok123', 'x-trace': 'trace-id' },
    auth: { user: 'somebody', password: 'hunter2' },
    cookies: ['session=1'],
    system: 'You are a pirate',
    maxTokens: 4321,
  };
  cache.set('my short prompt', config, 'answer');
  cache.set({ role: 'user', content: 'another prompt' }, config, 'answer');
  cache.set({ ['A long prompt used as a name '.repeat(20)]: 1 }, config, 'answer');
  cache.close();
  const raw = readFileSync(file, 'latin1');
  const kept = ['gpt-visible', '4321', 'modelConfig.apiKey', 'modelConfig.headers.Authorization'];
  expect(kept.filter((text) => !raw.includes(text))).toEqual([]);
  const secret = ['sk-proj', '12345678', 'tok123', 'trace-id', 'somebody', 'hunter2', 'session=1', 'pirate'];
  const prompts = ['my short prompt', 'another prompt', 'prompt used as a name'];
  expect([...secret, ...prompts].filter((text) => raw.includes(text))).toEqual([]);
});

test.each([
  ['a version that is not a number', { version: Number.NaN }, 'ERR_OUT_OF_RANGE', 'version'],
  ['an infinite version', { version: Number.NEGATIVE_INFINITY }, 'ERR_OUT_OF_RANGE', 'version'],
  ['a version of another type', { version: null }, 'ERR_INVALID_ARG_TYPE', 'version'],
  ['a namespace of another type', { namespace: 5 }, 'ERR_INVALID_ARG_TYPE', 'namespace'],
  ['no namespace at all', { namespace: null }, 'ERR_INVALID_ARG_TYPE', 'namespace'],
])('%s is refused', (_what, options, code, name) => {
  const refused = expect.objectContaining({ code, message: expect.stringMatching(`^${name} must be`) });
  expect(() => new ResponseCache({ persist: path(), ...options } as never)).toThrow(refused);
  expect(() => new ResponseCache(options as never)).toThrow();
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, '1', null])(
  'repeat %s is refused by every call',
  (repeat) => {
    const cache = new ResponseCache();
    const options = { repeat } as never;
    const calls = [
      () => cache.get('a', 1, options),
      () => cache.set('a', 1, 1, options),
      () => cache.has('a', 1, options),
      () => cache.delete('a', 1, options),
      () => cache.explainMiss('a', 1, options),
    ];
    for (const call of calls) expect(call).toThrow(/^repeat must be/);
  },
);
