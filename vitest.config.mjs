import { defineConfig } from 'vitest/config';

// Tests import the package by its own name, through `exports`: what is tested is what is shipped (dist/, built first).
export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    exclude: ['__test__/consumers/**/fixture/**', '**/node_modules/**'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    testTimeout: 30_000,
    fileParallelism: true,
    maxWorkers: 2,
  },
});
