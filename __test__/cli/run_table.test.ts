import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { runTable } = require('../../.facade/cli/run_table.js') as typeof import('../../ts/cli/run_table.js');
const { styleFor } = require('../../.facade/cli/style.js') as typeof import('../../ts/cli/style.js');

test('columns stay apart where a cost has many digits', () => {
  const summary = {
    ...{ total: 1_000_000, passed: 999_999, failed: 1, errors: 0, passRate: 0.999_999 },
    ...{ latency: { count: 6, p95: 59_999 }, cost: 0.000_026, tokens: { total: 1 }, interrupted: false },
  };
  const style = styleFor({}, {});
  const text = runTable([{ name: 'local-rules-1', dataset: 'd', summary: summary as never }], style);
  const row = text.split('\n').find((line) => line.includes('local-rules-1'));
  expect(row?.trim().split(/\s{2,}/)).toHaveLength(7);
});
