import type { NewResult } from '@aah/ai-evals/store';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PackedResults } from '../../ts/store/result_batch.js';
import { newResult } from './backends.js';

const { BufferedRunWriter } = (await import(
  '../../.facade/store/run_writer.js' as string
)) as typeof import('../../ts/store/run_writer.js');

/** A target whose insertions are settled by the test. */
function target() {
  const batches: { rows: number; settle: { resolve(): void; reject(error: Error): void } }[] = [];
  const insert = ({ rows }: PackedResults) =>
    new Promise<void>((resolve, reject) => batches.push({ rows, settle: { resolve, reject } }));
  return { batches, target: { maxRowBytes: 1e6, insert } };
}

/** Lets every promise that can go on do so. */
const settled = () => vi.advanceTimersByTimeAsync(0);

/** Rows that tell which of them were read. */
function rows(count: number): { rows: Omit<NewResult, 'runId'>[]; read: () => number } {
  let read = 0;
  const all = Array.from({ length: count }, (_, n) =>
    Object.defineProperty({ ...newResult('r', n) }, 'input', {
      get: () => {
        read += 1;
        return n;
      },
    }),
  );
  return { rows: all, read: () => read };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('writer', () => {
  it('writes after flushMs', async () => {
    const { batches, target: to } = target();
    const writer = new BufferedRunWriter('r', to, { flushMs: 20 });
    const written = vi.fn();
    void writer.write(newResult('r', 0)).then(written);
    await vi.advanceTimersByTimeAsync(19);
    expect(batches).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toMatchObject([{ rows: 1 }]);
    expect(written).not.toHaveBeenCalled();
    batches[0]!.settle.resolve();
    await settled();
    expect(written).toHaveBeenCalledOnce();
  });

  it('writes maxRows at once', async () => {
    const { batches, target: to } = target();
    const writer = new BufferedRunWriter('r', to, { flushMs: 1e6, maxRows: 3 });
    for (let n = 0; n < 3; n += 1) void writer.write(newResult('r', n));
    expect(batches).toMatchObject([{ rows: 3 }]);
  });

  it('writes maxBytes at once', async () => {
    const { batches, target: to } = target();
    const writer = new BufferedRunWriter('r', to, { flushMs: 1e6, maxBytes: 1000 });
    for (let n = 0; n < 2; n += 1) void writer.write(newResult('r', n, { input: 'x'.repeat(450) }));
    expect(batches).toMatchObject([{ rows: 2 }]);
  });

  it('reads no more than two buffers of rows', async () => {
    const { batches, target: to } = target();
    const writer = new BufferedRunWriter('r', to, { flushMs: 10, maxRows: 5 });
    const source = rows(23);
    const written = Promise.all(source.rows.map((row) => writer.write(row)));
    await vi.advanceTimersByTimeAsync(1000);
    expect(source.read()).toBe(10);
    for (let n = 0; n < 5; n += 1) {
      batches[n]!.settle.resolve();
      await vi.advanceTimersByTimeAsync(1000);
    }
    await written;
    expect(batches.map((batch) => batch.rows)).toEqual([5, 5, 5, 5, 3]);
  });

  it('rejects the rows of a batch that fails, and works on', async () => {
    const { batches, target: to } = target();
    const writer = new BufferedRunWriter('r', to, { maxRows: 2 });
    const writes = [0, 1, 2, 3].map((n) => writer.write(newResult('r', n)));
    const outcomes = Promise.allSettled(writes);
    batches[0]!.settle.reject(new Error('full'));
    await settled();
    batches[1]!.settle.resolve();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  it('refuses a row without losing the others of its batch', async () => {
    const { batches, target: to } = target();
    const writer = new BufferedRunWriter('r', to, { maxRows: 2 });
    const outcomes = Promise.allSettled([
      writer.write(newResult('r', 0)),
      writer.write(newResult('r', 1, { score: Number.NaN })),
      writer.write(newResult('r', 2)),
    ]);
    expect(batches).toMatchObject([{ rows: 2 }]);
    batches[0]!.settle.resolve();
    const [first, refused, last] = await outcomes;
    expect([first!.status, last!.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(refused).toMatchObject({ reason: { name: 'ArgumentRangeError', column: 'score' } });
  });

  it('writes everything before close resolves', async () => {
    const { batches, target: to } = target();
    const writer = new BufferedRunWriter('r', to, { flushMs: 1e6, maxRows: 2 });
    const writes = [0, 1, 2, 3, 4].map((n) => writer.write(newResult('r', n)));
    const closed = vi.fn();
    void writer.close().then(closed);
    for (let n = 0; n < 3; n += 1) {
      expect(closed).not.toHaveBeenCalled();
      batches[n]!.settle.resolve();
      await settled();
    }
    await Promise.all(writes);
    expect(closed).toHaveBeenCalledOnce();
    await expect(writer.write(newResult('r', 9))).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('refuses options that cannot be used', () => {
    for (const options of [{ flushMs: -1 }, { maxRows: 0 }, { maxBytes: Number.NaN }]) {
      expect(() => new BufferedRunWriter('r', target().target, options)).toThrow(RangeError);
    }
  });
});
