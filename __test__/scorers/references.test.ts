import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../lifecycle/child.js';
import { sharedData } from '../shared_data.js';

/** The metrics of `check.mjs` that text scorers answer for. */
const TEXT_METRICS = new RegExp(
  '^(levenshtein|osa|damerau|indel|lcs|jaro|jaroWinkler|fuzz|squad|exact|contains|startsWith|endsWith|bleu|chrf|ter|rouge|' +
    'meteor|corpus|pattern|inspect|jsonMatch)',
);

describe.skipIf(sharedData === undefined)('the scorers', () => {
  test('equal their references on every vector', () => {
    const script = join(sharedData!, 'scoring', 'check.mjs');
    const { stdout } = spawnSync(process.execPath, [script, 'vectors'], { cwd: root, encoding: 'utf8' });
    const lines = stdout.split('\n').map((line) => /^(ok {2}|FAIL) (.*)$/.exec(line));
    const ours = lines.filter((line) => line !== null && TEXT_METRICS.test(line[2]!));
    expect(ours.length).toBeGreaterThan(120);
    expect(ours.filter((line) => line![1] === 'FAIL').map((line) => line![2])).toEqual([]);
  }, 120_000);
});
