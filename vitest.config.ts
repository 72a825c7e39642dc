import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  test: {
    environment: 'node',
    // Processes, not threads: the parts under test own sockets, signals and native addons.
    pool: 'forks',
    maxWorkers: 2,
    // A test left alone by mistake shall not hide the others, nor an empty selection pass.
    allowOnly: false,
    passWithNoTests: false,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/support/totals.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/packaging/**', 'test/systemd/**'],
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // Whole processes and the real dnf: after the rest, with time for a slow machine.
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: ['test/e2e/pulp/**'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // One real Pulp for all of them, which they stop and start: one file at a time.
          name: 'pulp',
          include: ['test/e2e/pulp/**/*.test.ts'],
          globalSetup: ['test/support/pulp/global-setup.ts'],
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          // `npm run build` once, then its executable outside the checkout: alone, as a unit, and through suites of e2e.
          name: 'built',
          include: [
            'test/packaging/**/*.test.ts',
            'test/systemd/**/*.test.ts',
            'test/e2e/dnf.test.ts',
            'test/e2e/kills.test.ts',
            'test/e2e/operation.test.ts',
            'test/e2e/plain-gets.test.ts',
          ],
          globalSetup: ['test/support/built-program.ts'],
          setupFiles: ['test/support/use-built-program.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
