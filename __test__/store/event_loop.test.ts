import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { gathered, newResult, newResults, newRun, opened, sqlite } from './backends.js';

const { isLarge, jsonPieces, PIECE_UNITS } = (await import(
  '../../.facade/store/json_pieces.js' as string
)) as typeof import('../../ts/store/json_pieces.js');
const { readJson } = (await import(
  '../../.facade/store/json_reader.js' as string
)) as typeof import('../../ts/store/json_reader.js');

let latest = 0;

/** Advances the clock at every look at it, so that turns are due after so many looks whatever the machine does. */
function clockOfLooks(step: number): void {
  // A clock never goes back, also from one test to the next.
  latest = Math.max(latest, performance.now());
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    latest += step;
    return latest;
  });
  onTestFinished(() => clock.mockRestore());
}

/** Counts turns of the event loop, and the most of something that is counted within one. */
function turns() {
  const counted = { turns: 0, inTurn: 0, most: 0, add: () => {} };
  counted.add = () => {
    counted.inTurn += 1;
    counted.most = Math.max(counted.most, counted.inTurn);
  };
  let isOver = false;
  const turn = () => {
    counted.turns += 1;
    counted.inTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  onTestFinished(() => {
    isOver = true;
  });
  return counted;
}

const run = async () => {
  const store = await opened(await sqlite.create());
  return { store, id: (await store.createRun(newRun())).id };
};

/** Values as JSON has them, with texts in all scripts and with escapes. */
const json = fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 });
/** The value among others, in an object or an array that is large by its members or by a text. */
const large = fc.tuple(json, json, fc.constantFrom('many', 'text', 'deep')).map(([a, b, kind]) => {
  if (kind === 'text') return { a, text: `${'ü😀"\\\u0000\ud800'.repeat(40_000)}${JSON.stringify(a)}`, b };
  const many = Array.from({ length: 6000 }, (_, n) => (n % 3 === 0 ? [a, n] : { [`k${n % 7}`]: b, n }));
  return kind === 'many' ? many : { x: [{ ['__proto__']: 1, many, a }], b };
});

describe('large JSON texts', () => {
  it('are what JSON.stringify gives, in pieces', () => {
    fc.assert(
      fc.property(large, (value) => {
        expect(isLarge(value)).toBe(true);
        const pieces = [...jsonPieces(value)];
        expect(pieces.join('') === JSON.stringify(value)).toBe(true);
        // Escapes take up to six units.
        for (const piece of pieces) expect(piece.length).toBeLessThan(8 * PIECE_UNITS);
      }),
      { numRuns: 30 },
    );
  });

  it('have what JSON.stringify makes of toJSON, boxed values and what JSON does not know', () => {
    const odd = {
      date: new Date(0),
      itself: { toJSON: (key: string) => ({ key, again: { toJSON: () => 'again' } }) },
      boxed: [Object('a'), Object(1), Object(true)],
      left: undefined,
      sign: Symbol('x'),
      list: [undefined, Symbol('y'), Number.NaN, -0, 1e21],
      map: new Map([[1, 2]]),
      bytes: Buffer.alloc(40_000, 7),
      sparse: Object.assign([], { 3: 'x', length: 5 }),
    };
    const value = { odd, list: [odd, 'x'.repeat(100_000)], toJSON: () => ({ odd, text: 'y'.repeat(100_000) }) };
    for (const each of [value, { ...value, toJSON: undefined }, [value.list]]) {
      expect([...jsonPieces(each)].join('')).toBe(JSON.stringify(each));
    }
  });

  it('are read back as JSON.parse reads them', async () => {
    await fc.assert(
      fc.asyncProperty(large, fc.constantFrom(undefined, 1, '\t'), async (value, blanks) => {
        const text = JSON.stringify(value, undefined, blanks);
        expect(await readJson(Buffer.from(text))).toStrictEqual(JSON.parse(text));
      }),
      { numRuns: 30 },
    );
  });

  it('name the place of what they cannot hold', async () => {
    const { store, id } = await run();
    const long = 'x'.repeat(100_000);
    const cycle: Record<string, unknown> = { long };
    cycle.again = [cycle];
    for (const [input, message] of [
      [{ long, list: [0, { n: 1n }] }, 'rows[1].input.list[1].n is a bigint'],
      [{ long, call: () => 1 }, 'rows[1].input.call is a function'],
      [{ long, small: { call: () => 1 } }, 'rows[1].input.small.call is a function'],
      [cycle, 'rows[1].input.again[0] holds itself'],
    ] as const) {
      const inserting = store.insertResults([newResult(id, 0), newResult(id, 1, { input })]);
      await expect(inserting).rejects.toThrow(message);
      await expect(inserting).rejects.toMatchObject({ row: 1, column: 'input', written: 0 });
    }
    const input = {
      long,
      get broken(): never {
        throw new Error('of its own');
      },
    };
    await expect(store.insertResults([newResult(id, 0, { input })])).rejects.toThrow('of its own');
    expect(await gathered(store.results(id))).toEqual([]);
  });
});

describe('a value of 10 MB', () => {
  const text = 'é"'.repeat(1_000_000);
  const list = Array.from({ length: 60_000 }, (_, n) => ({ n, text: `text of ${n} ${'.'.repeat(100)}` }));
  const input = { text, list };

  it('lets the event loop turn at every piece while it is written and read', async () => {
    const { store, id } = await run();
    clockOfLooks(5);
    const counted = turns();
    await store.insertResults([newResult(id, 0, { input })]);
    // 9.9 million units of JSON, which cross once more.
    expect(counted.turns).toBeGreaterThan(150);
    counted.turns = 0;
    const [row] = await gathered(store.results(id));
    expect(counted.turns).toBeGreaterThan(60);
    expect(row!.input).toStrictEqual(input);
  });

  it('is written among others by a writer, whose rows all come', async () => {
    const { store, id } = await run();
    const writer = store.writer(id, { flushMs: 1 });
    const { runId: _, ...row } = newResult(id, 1, { input });
    await Promise.all(
      [0, 1, 2].map((n) => writer.write({ ...row, testCaseId: `case-${n}`, input: n === 1 ? input : n })),
    );
    await writer.close();
    const rows = await gathered(store.results(id));
    expect(rows.map((each) => each.testCaseId).toSorted()).toEqual(['case-0', 'case-1', 'case-2']);
    expect(rows.find(({ testCaseId }) => testCaseId === 'case-1')!.input).toStrictEqual(input);
  });
});

describe('50,000 rows', () => {
  it('are packed, asked for and read a few at a turn', async () => {
    const { store, id } = await run();
    clockOfLooks(1);
    const counted = turns();
    const given = newResults(id, 50_000);
    function* source() {
      for (const row of given) {
        counted.add();
        yield row;
      }
    }
    expect(await store.insertResults(source())).toEqual({ inserted: 50_000, skipped: 0 });
    // A turn is due four looks at the clock after the one before.
    expect(counted.most).toBeLessThanOrEqual(6);

    counted.most = 0;
    let rows = 0;
    for await (const _ of store.results(id)) {
      rows += 1;
      counted.add();
    }
    expect(rows).toBe(50_000);
    expect(counted.most).toBeLessThanOrEqual(250);

    counted.turns = 0;
    await store.have(id, given);
    expect(counted.turns).toBeGreaterThanOrEqual(50);
  });

  it('are read by a writer a few at a turn', async () => {
    const { store, id } = await run();
    clockOfLooks(5);
    const counted = turns();
    const writer = store.writer(id);
    const writes = newResults(id, 5000).map(({ runId: _, input, ...row }) => {
      const counting = Object.defineProperty({ ...row, input }, 'input', {
        get: () => {
          counted.add();
          return input;
        },
      });
      return writer.write(counting);
    });
    await Promise.all(writes);
    await writer.close();
    // It looks at the clock every 32 rows.
    expect(counted.most).toBeLessThanOrEqual(64);
  });
});
