import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatasetStream, ResultWriter } from '@aah/ai-evals/performance';
import { afterAll, beforeAll, expect, test } from 'vitest';

// A real disk of one megabyte. Mounting takes root on Linux; elsewhere the tests are skipped, and counted as such.
const disk = mkdtempSync(join(tmpdir(), 'full-disk-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
afterAll(() => {
  if (mounted) expect(spawnSync('umount', [disk]).status).toBe(0);
  rmSync(disk, { recursive: true });
});

const onDisk = test.skipIf(!mounted);

/** Text that lz4 cannot make smaller by much. */
const noise = () => Array.from({ length: 20 }, () => Math.random().toString(36).slice(2)).join('');
const filler = join(disk, 'filler');

beforeAll(() => {
  if (mounted) expect(() => writeFileSync(filler, Buffer.alloc(2 << 20))).toThrow('ENOSPC');
});

onDisk('a push that finds the disk full is refused by one clear error; what was accepted is delivered', async () => {
  writeFileSync(filler, '');
  const stream = new DatasetStream<{ i: number; text: string }>({ maxMemory: 100_000, spillDirectory: disk });
  let accepted = 0;
  const push = () => {
    for (; accepted < 50_000; accepted += 1) stream.push({ i: accepted, text: noise() });
  };
  expect(push).toThrow(expect.objectContaining({ name: 'AiEvalsError', code: 'ERR_STORAGE' }));
  expect(push).toThrow(/temporary file of the stream could not be written: No space left on device/);
  // More than fits into memory: a part of it is on the disk.
  expect(accepted).toBeGreaterThan(1000);
  expect(stream.getStats().itemsBuffered).toBe(accepted);
  const seen: number[] = [];
  await stream.process(async (batch) => {
    for (const { i, text } of batch) seen.push(text.length > 100 ? i : -1);
  });
  expect(seen).toEqual(Array.from({ length: accepted }, (_, i) => i));
  // What was read gave its space back.
  for (let i = 0; i < 2000; i += 1) stream.push({ i, text: noise() });
  expect(await stream.process(async (batch) => batch.map(({ i }) => i))).toHaveLength(2000);
});

for (const append of [false, true]) {
  onDisk(`a result file that does not fit keeps what it accepted until there is room (append ${append})`, async () => {
    writeFileSync(filler, Buffer.alloc(900 << 10));
    const path = join(disk, `results-${append}.jsonl`);
    const writer = ResultWriter.toFile<{ i: number; text: string }>(path, { append });
    let accepted = 0;
    const write = async () => {
      while (accepted < 5000) {
        accepted += 1;
        await writer.write({ i: accepted, text: noise() });
      }
    };
    await expect(write()).rejects.toMatchObject({ name: 'AiEvalsError', code: 'ERR_STORAGE' });
    await expect(writer.flush()).rejects.toThrow(/could not be written: ENOSPC/);
    await expect(writer.close()).rejects.toThrow(/could not be written: ENOSPC/);
    if (!append) expect(readdirSync(disk)).not.toContain(`results-${append}.jsonl`);
    rmSync(filler);
    await writer.close();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).i)).toEqual(Array.from({ length: accepted }, (_, i) => i + 1));
    expect(writer.getStats()).toMatchObject({ itemsWritten: accepted, itemsBuffered: 0 });
    rmSync(path);
  });
}

onDisk('an appending writer that gives up on a full disk leaves whole lines', async () => {
  writeFileSync(filler, Buffer.alloc(900 << 10));
  const path = join(disk, 'given-up.jsonl');
  const writer = ResultWriter.toFile<string>(path, { append: true, batchSize: 1 });
  await writer.write('whole');
  await expect(writer.write('x'.repeat(1 << 20))).rejects.toThrow(/ENOSPC/);
  await writer.abort();
  expect(readFileSync(path, 'utf8')).toBe('"whole"\n');
  rmSync(path);
  rmSync(filler);
});
