import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResultWriter } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'temporary-'));
afterAll(() => rmSync(root, { recursive: true }));

/** A folder in which a process wrote a result to `out.jsonl` and then did `end`. */
function left(end: string): string {
  const folder = mkdtempSync(join(root, 'left-'));
  const script = `
    const { ResultWriter } = require('@aah/ai-evals/performance');
    (async () => {
      const writer = ResultWriter.toFile(${JSON.stringify(join(folder, 'out.jsonl'))}, { batchSize: 1 });
      await writer.write(1);
      ${end}
    })();`;
  spawnSync(process.execPath, ['-e', script], { cwd: join(__dirname, '../..') });
  return folder;
}

describe('the temporary file of ResultWriter.toFile', () => {
  test.each([
    ['an uncaught error', "throw new Error('bug')"],
    ['process.exit()', 'process.exit(0)'],
    ['an end without close()', ''],
  ])('is gone after %s', (_, end) => {
    expect(readdirSync(left(end))).toEqual([]);
  });

  // Windows has no such kill.
  test.skipIf(process.platform === 'win32')('of a killed process goes when the target is written again', async () => {
    const folder = left("process.kill(process.pid, 'SIGKILL')");
    const [leftover] = readdirSync(folder);
    expect(leftover).toMatch(/^\.aah-.*\.tmp$/);
    // Neither that of another target nor that of a process that runs.
    const running = leftover!.replace(/-\d+-/, `-${process.pid}-`);
    writeFileSync(join(folder, running), '');
    const other = ResultWriter.toFile<number>(join(folder, 'other.jsonl'), { batchSize: 1 });
    await other.write(1);
    expect(existsSync(join(folder, leftover!))).toBe(true);
    const writer = ResultWriter.toFile<number>(join(folder, 'out.jsonl'));
    await writer.write(2);
    await writer.close();
    await other.close();
    expect(readdirSync(folder).sort()).toEqual([running, 'other.jsonl', 'out.jsonl']);
    expect(readFileSync(join(folder, 'out.jsonl'), 'utf8')).toBe('2\n');
  });

  test('has a short name: every name that the file system takes can be written', async () => {
    const path = join(root, `${'n'.repeat(234)}.jsonl`);
    const writer = ResultWriter.toFile<number>(path);
    await writer.write(1);
    await writer.close();
    expect(readFileSync(path, 'utf8')).toBe('1\n');
    const long = ResultWriter.toFile<number>(join(root, `${'n'.repeat(300)}.jsonl`), { batchSize: 1 });
    // At the first batch, not after all of them.
    await expect(long.write(1)).rejects.toMatchObject({ code: 'ERR_STORAGE' });
    await long.abort();
  });
});
