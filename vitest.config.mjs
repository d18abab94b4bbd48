import { defineConfig } from 'vitest/config';

// Tests import the package by its own name, through `exports`: what is tested is what is shipped (dist/, built first).
export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    // Projects of their own, run by Jest, Node and tsc.
    exclude: ['__test__/consumers/**', '**/node_modules/**'],
    // Loaded by Node itself, as a user's would be, not transformed by Vite.
    server: { deps: { external: [/\/dist\//] } },
    pool: 'forks',
    execArgv: ['--expose-gc'],
    // Only what hangs takes this long, also where every core is busy with something else.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 100_000 } },
    fileParallelism: true,
    maxWorkers: 2,
  },
});
