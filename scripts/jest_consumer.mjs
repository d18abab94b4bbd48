// Runs the Jest 30 + ts-jest project of `__test__/consumers/jest` on the packed package, as its user would have it.
//
//   node scripts/jest_consumer.mjs [REPORT.json]
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { consumerProject } from './consumer_project.mjs';

const [report] = process.argv.slice(2);
const project = consumerProject('jest', ['jest', 'ts-jest', 'typescript', '@jest/globals', 'expect', '@types/node']);
try {
  const json = report ? ['--json', `--outputFile=${resolve(report)}`] : [];
  const args = [join('node_modules', 'jest', 'bin', 'jest.js'), '--ci', '--no-cache', ...json];
  const { status } = spawnSync(process.execPath, args, {
    cwd: project.folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = status ?? 1;
} finally {
  project.remove();
}
