import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { sharedData } from '../shared_data.js';

/** The checker's lines of the scorers tested here; those of texts have a test of their own. */
const OURS =
  /^(ok {2}|FAIL) (classification|ranking|ndcg|listOverlap|cosine|wilson|mcnemar|bootstrap|paired|jsonDiff|numericDiff|jsonSchema|schema suite)/;

describe('the reference vectors', () => {
  test.skipIf(!sharedData)('hold for structures, rankings, classes, embeddings and aggregates', async () => {
    const checker = join(sharedData!, 'scoring/check.mjs');
    const output = await promisify(execFile)(process.execPath, [checker, 'vectors'], { maxBuffer: 1 << 26 }).catch(
      (failed: { stdout: string }) => failed,
    );
    const lines = output.stdout.split('\n').filter((line) => OURS.test(line));
    expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual([]);
    expect(lines.length).toBeGreaterThan(50);
  });
});
