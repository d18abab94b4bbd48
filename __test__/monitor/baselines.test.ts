import { once } from 'node:events';
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AiEvalsError, PerformanceMonitor } from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** A clock that moves only when told to. */
let clock = 1000;
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
});
afterEach(() => {
  vi.restoreAllMocks();
});

function record(monitor: PerformanceMonitor, name: string, durations: number[]): void {
  for (const duration of durations) {
    monitor.start(name);
    clock += duration;
    monitor.end(name);
  }
}

/** `count` durations around `mean` that differ by a few percent. */
const around = (mean: number, count: number) =>
  Array.from({ length: count }, (_, i) => mean * (1 + 0.02 * Math.sin(i * 7.3)));

describe('regressions', () => {
  test('one call against one is a regression when it takes twice as long, and only about 0.9 sure', () => {
    for (const [after, count] of [
      [20, 1],
      [15, 0],
    ] as const) {
      const monitor = new PerformanceMonitor();
      record(monitor, 'single', [10]);
      monitor.setBaseline('v1');
      record(monitor, 'single', [after]);
      const found = monitor.detectRegressions('v1');
      expect(found).toHaveLength(count);
      for (const { confidence } of found) expect(confidence).toBeLessThan(0.95);
    }
  });

  test('severity, threshold, averages and change are those of the contract, largest change first', () => {
    const monitor = new PerformanceMonitor();
    const factors = { same: 1, faster: 0.5, tiny: 1.05, minor: 1.15, major: 1.3, critical: 1.6 };
    for (const name of Object.keys(factors)) record(monitor, name, around(100, 40));
    monitor.setBaseline('v1');
    monitor.reset();
    for (const [name, factor] of Object.entries(factors)) record(monitor, name, around(100 * factor, 40));
    const found = monitor.detectRegressions('v1');
    expect(found.map((r) => [r.component, r.severity, r.threshold, Math.round(r.percentChange)])).toEqual([
      ['critical', 'critical', 50, 60],
      ['major', 'major', 25, 30],
      ['minor', 'minor', 10, 15],
    ]);
    for (const r of found) {
      expect(r.confidence).toBeGreaterThan(0.98);
      expect(r.confidence).toBeLessThanOrEqual(1);
      expect(r.percentChange).toBeCloseTo(((r.currentDuration - r.baselineDuration) / r.baselineDuration) * 100, 9);
    }
    expect(found[0]?.baselineDuration).toBeCloseTo(
      monitor.getBaseline('v1')?.components.get('critical')?.avgDuration as number,
      9,
    );
    expect(found[0]?.currentDuration).toBeCloseTo(monitor.getComponentTiming('critical')?.avgDuration as number, 9);
    const own = monitor.detectRegressions('v1', { critical: 20, major: 12, minor: 4 });
    expect(own.map((r) => [r.component, r.severity, r.threshold])).toEqual([
      ['critical', 'critical', 20],
      ['major', 'critical', 20],
      ['minor', 'major', 12],
      ['tiny', 'minor', 4],
    ]);
  });

  test.each([
    [1, 2],
    [2, 1.5],
    [3, 1.3],
    [5, 1.2],
  ])('%i calls are enough when they take %f times as long', (calls, factor) => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', around(10, calls));
    monitor.setBaseline('b');
    monitor.reset();
    record(monitor, 'c', around(10 * factor, calls));
    expect(monitor.detectRegressions('b')).toHaveLength(1);
  });

  test('without a reset, the calls since the baseline are compared with those before', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', around(10, 300));
    monitor.setBaseline('b');
    expect(monitor.detectRegressions('b')).toEqual([]);
    record(monitor, 'c', around(15, 30));
    const [found] = monitor.detectRegressions('b');
    expect(found).toMatchObject({ component: 'c', severity: expect.any(String), baselineCalls: 300, currentCalls: 30 });
    expect(found?.currentDuration).toBeCloseTo(15, 0);
    expect(monitor.getComponentTiming('c')?.totalCalls).toBe(330);
  });

  test('a later baseline does not disturb an earlier one, nor the figures', () => {
    const monitor = new PerformanceMonitor();
    for (const [id, mean] of [
      ['a', 10],
      ['b', 20],
      ['c', 40],
    ] as const) {
      record(monitor, 'x', around(mean, 200));
      monitor.setBaseline(id);
    }
    record(monitor, 'x', around(80, 50));
    expect(monitor.getComponentTiming('x')?.totalCalls).toBe(650);
    expect(monitor.detectRegressions('a')[0]?.currentDuration).toBeCloseTo((20 * 200 + 40 * 200 + 80 * 50) / 450, 0);
    expect(monitor.detectRegressions('c')[0]?.currentDuration).toBeCloseTo(80, 0);
    expect(monitor.listBaselines()).toEqual(['a', 'b', 'c']);
    monitor.clearBaselines();
    expect(monitor.listBaselines()).toEqual([]);
    expect(monitor.getComponentTiming('x')?.totalCalls).toBe(650);
  });

  test('noise is no regression: one very slow call lifts the average and nothing else', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', around(10, 40));
    monitor.setBaseline('b');
    monitor.reset();
    record(monitor, 'c', [...around(10, 39), 500]);
    expect(monitor.getComponentTiming('c')?.avgDuration).toBeGreaterThan(20);
    expect(monitor.detectRegressions('b')).toEqual([]);
  });

  test('a slowdown is seen through spikes on either side', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', [...around(10, 20), 30, ...around(10, 19)]);
    monitor.setBaseline('b');
    monitor.reset();
    record(monitor, 'c', [...around(14, 35), 60, ...around(14, 4)]);
    expect(monitor.detectRegressions('b')).toMatchObject([{ component: 'c' }]);
  });

  test('a baseline of 0 ms divides nothing by 0', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', [0, 0, 0]);
    monitor.setBaseline('b');
    expect(monitor.detectRegressions('b')).toEqual([]);
    record(monitor, 'c', [0, 0, 0]);
    expect(monitor.detectRegressions('b')).toEqual([]);
    monitor.reset();
    record(monitor, 'c', [5, 5, 5]);
    const [found] = monitor.detectRegressions('b');
    expect(found).toMatchObject({ severity: 'critical', baselineDuration: 0, currentDuration: 5 });
    expect(Number.isFinite(found?.percentChange)).toBe(true);
  });

  test('an unknown baseline is an error', () => {
    const monitor = new PerformanceMonitor();
    expect(() => monitor.detectRegressions('nope')).toThrow(new Error('Baseline not found: nope'));
    expect(() => monitor.generateReport('nope')).toThrow('Baseline not found: nope');
    expect(() => monitor.exportBaseline('nope')).toThrow('Baseline not found: nope');
    expect(() => monitor.detectRegressions('nope', { minor: -1 })).toThrow(RangeError);
  });
});

describe('on the real clock', () => {
  const PAIRS = 200;
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

  /** Of pairs of runs of 40 busy-waits: equal ones reported, and 30 % slower ones found, and how many had the machine at one pace. */
  function reported(wait: () => number) {
    const run = (monitor: PerformanceMonitor, factor: number) => {
      for (let i = 0; i < 40; i += 1) {
        monitor.start('busy');
        const end = performance.now() + wait() * factor;
        while (performance.now() < end);
        monitor.end('busy');
      }
    };
    const pace = (monitor: PerformanceMonitor, id: string) => {
      monitor.setBaseline(id);
      const { components } = JSON.parse(monitor.exportBaseline(id)) as { components: { rounds: { pace: number }[] }[] };
      return middle(components.flatMap(({ rounds }) => rounds.map((round) => round.pace)));
    };
    const counts = { wrong: 0, found: 0, steady: 0, foundSteady: 0 };
    for (let i = 0; i < PAIRS; i += 1) {
      const monitor = new PerformanceMonitor();
      run(monitor, 1);
      const before = pace(monitor, 'before');
      run(monitor, 1);
      counts.wrong += monitor.detectRegressions('before').length;
      monitor.reset();
      run(monitor, 1.3);
      const found = monitor.detectRegressions('before').length;
      const isSteady = Math.abs(Math.log(pace(monitor, 'after') / before)) < 0.05;
      counts.found += found;
      counts.steady += Number(isSteady);
      counts.foundSteady += isSteady ? found : 0;
    }
    return counts;
  }

  beforeEach(() => {
    vi.restoreAllMocks();
  });

  test('two equal runs of 40 calls report nothing, and 30 % slower is found, whatever the machine does meanwhile', () => {
    const { wrong, found } = reported(() => 0.15);
    expect(wrong).toBeLessThanOrEqual(PAIRS / 100);
    expect(found).toBeGreaterThanOrEqual(PAIRS * 0.95);
  }, 120_000);

  test('nor do calls that differ by 20 % among themselves, and they are found where the machine is at one pace', () => {
    const { wrong, found, steady, foundSteady } = reported(() => 0.15 * (1 + 0.2 * Math.random()));
    expect(wrong).toBeLessThanOrEqual(PAIRS / 50);
    // Not fewer than 95 of 100, as far as that many pairs can tell (two standard errors).
    expect(foundSteady).toBeGreaterThanOrEqual(steady * 0.95 - 2 * Math.sqrt(steady * 0.95 * 0.05));
    // Where it was slower in the second run, and at no other time, that may explain it.
    expect(found).toBeGreaterThanOrEqual(PAIRS * 0.8);
  }, 120_000);
});

describe('how quick the machine was', () => {
  const paces = (monitor: PerformanceMonitor) => {
    const { components } = JSON.parse(monitor.exportBaseline('before')) as {
      components: { rounds: { pace: number }[] }[];
    };
    return components.flatMap(({ rounds }) => rounds.map(({ pace }) => pace));
  };

  test('is not asked on a faked clock, whose durations are of no machine', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'faked', around(1, 40));
    monitor.setBaseline('before');
    record(monitor, 'faked', around(4, 40));
    expect(monitor.detectRegressions('before')).toMatchObject([{ severity: 'critical', machinePercent: 0 }]);
    expect(paces(monitor)).toEqual(Array.from({ length: 40 }, () => 0));
  });

  test('is never read within a timer, which that would make longer', () => {
    vi.restoreAllMocks();
    const timings = Array.from({ length: 3 }, () => {
      const monitor = new PerformanceMonitor();
      for (let i = 0; i < 40; i += 1) {
        const until = performance.now() + 3;
        while (performance.now() < until);
        monitor.start('outer');
        monitor.start('inner');
        monitor.end('inner');
        monitor.end('outer');
      }
      return monitor.getComponentTiming('outer');
    });
    // Readings would be in every one of the three; what interrupts a process is not.
    const least = (of: 'p50Duration' | 'selfDuration') => Math.min(...timings.map((timing) => timing?.[of] ?? 1));
    expect(least('p50Duration')).toBeLessThan(0.025);
    expect(least('selfDuration')).toBeLessThan(40 * 0.03);
  });

  test('nor within a timer of another monitor, or of another asynchronous context', async () => {
    vi.restoreAllMocks();
    const [outer, inner] = [new PerformanceMonitor(), new PerformanceMonitor()];
    const calls = () => {
      for (let i = 0; i < 100; i += 1) {
        inner.start('inner');
        inner.end('inner');
      }
    };
    for (let i = 0; i < 40; i += 1) {
      await setTimeout(3);
      outer.start('outer');
      calls();
      outer.end('outer');
      let over = () => {};
      const waiting = inner.measure('waiting', () => new Promise<void>((resolve) => (over = resolve)));
      calls();
      over();
      await waiting;
    }
    // A hundred readings take 1 ms.
    expect(outer.getComponentTiming('outer')?.p50Duration).toBeLessThan(0.5);
    expect(inner.getComponentTiming('waiting')?.p50Duration).toBeLessThan(0.6);
  });

  test('is kept with every round on a real one, in baselines too', () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    for (let i = 0; i < 40; i += 1) {
      monitor.measureSync('real', () => {
        const end = performance.now() + 0.2;
        while (performance.now() < end);
      });
    }
    monitor.setBaseline('before');
    expect(paces(monitor)).toHaveLength(40);
    for (const pace of paces(monitor)) expect(pace).toBeGreaterThan(0.0005);
  });

  test('is not asked for calls that wait for others, whose durations are theirs', async () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    for (let i = 0; i < 15; i += 1) await monitor.measure('waiting', () => setTimeout(20));
    monitor.setBaseline('before');
    // Before the first one, and now and then between others (a collection, a compiler), the process has computed.
    expect(paces(monitor).filter((pace) => pace === 0).length).toBeGreaterThanOrEqual(10);
  });

  test('is asked for calls that compute, however long nothing happens between them', async () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    for (let i = 0; i < 15; i += 1) {
      await setTimeout(20);
      monitor.measureSync('computing', () => {
        const end = performance.now() + 0.2;
        while (performance.now() < end);
      });
    }
    monitor.setBaseline('before');
    for (const pace of paces(monitor)) expect(pace).toBeGreaterThan(0.0005);
  });

  test.runIf(process.platform === 'linux')(
    'what a call waits for a processor is the machine, and no regression',
    async () => {
      vi.restoreAllMocks();
      const run = (monitor: PerformanceMonitor, ms: number) => {
        for (let i = 0; i < 300; i += 1) {
          monitor.start('busy');
          const end = performance.now() + ms;
          while (performance.now() < end);
          monitor.end('busy');
        }
      };
      const monitor = new PerformanceMonitor();
      run(monitor, 1);
      monitor.setBaseline('before');
      const workerData = new Int32Array(new SharedArrayBuffer(4));
      const hog = "const { workerData } = require('node:worker_threads'); while (Atomics.load(workerData, 0) === 0);";
      const hogs = Array.from(
        { length: 2 * availableParallelism() },
        () => new Worker(hog, { eval: true, workerData }),
      );
      try {
        await Promise.all(hogs.map((worker) => once(worker, 'online')));
        monitor.reset();
        run(monitor, 1);
        const average = monitor.getComponentTiming('busy')?.avgDuration as number;
        expect(average).toBeGreaterThan(1.15);
        expect(monitor.detectRegressions('before')).toEqual([]);
        monitor.setBaseline('beside');
        const { components } = JSON.parse(monitor.exportBaseline('beside')) as {
          components: { rounds: { count: number; mean: number }[] }[];
        };
        const own = components.flatMap(({ rounds }) => rounds).reduce((sum, { count, mean }) => sum + count * mean, 0);
        expect(own / 300).toBeLessThan(1 + (average - 1) / 2);
        monitor.reset();
        run(monitor, 1.4);
        const [found] = monitor.detectRegressions('before');
        expect(found).toMatchObject({ component: 'busy' });
      } finally {
        Atomics.store(workerData, 0, 1);
        await Promise.all(hogs.map((worker) => once(worker, 'exit')));
      }
    },
    30_000,
  );

  test('a baseline of an earlier version, which does not know, is compared as before', () => {
    const before = new PerformanceMonitor();
    record(before, 'slow', around(10, 40));
    before.setBaseline('v1');
    const old = before.exportBaseline('v1').replace(/,"pace":[^,}]*/gu, '');
    expect(old).not.toContain('pace');
    const other = before
      .exportBaseline('v1')
      .replace(/"work":\d+/u, '"work":1')
      .replaceAll('"pace":0.0', '"pace":0.005');
    for (const baseline of [old, other]) {
      const after = new PerformanceMonitor();
      after.importBaseline(baseline);
      record(after, 'slow', around(13, 40));
      expect(after.detectRegressions('v1')).toMatchObject([
        { component: 'slow', severity: 'major', machinePercent: 0 },
      ]);
      expect(after.exportBaseline('v1')).not.toContain('0.005');
    }
  });
});

describe('baselines outside the process', () => {
  test('an exported baseline gives the same verdicts in another monitor', () => {
    const before = new PerformanceMonitor();
    record(before, 'slow', around(10, 1000));
    record(before, 'same', around(3, 50));
    const baseline = before.setBaseline('v1');
    for (const form of [before.exportBaseline('v1'), JSON.parse(before.exportBaseline('v1')) as object]) {
      const after = new PerformanceMonitor();
      record(after, 'slow', around(13, 40));
      record(after, 'same', around(3, 40));
      expect(after.importBaseline(form)).toEqual(baseline);
      expect(after.detectRegressions('v1')).toMatchObject([
        { component: 'slow', severity: 'major', baselineCalls: 1000 },
      ]);
      expect(after.importBaseline(form, 'other').id).toBe('other');
      expect(after.listBaselines()).toEqual(['v1', 'other']);
      expect(after.exportBaseline('v1')).toBe(before.exportBaseline('v1'));
    }
  });

  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'baselines-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('a saved file is whole, has a schema version and distributions, and loads', async () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'a/b "quoted" ☃', [1, 2, 2, 3]);
    const file = join(directory, 'baseline.json');
    await monitor.saveBaseline(file);
    expect(monitor.listBaselines()).toEqual(['latest']);
    expect(await readdir(directory)).toEqual(['baseline.json']);
    const document = JSON.parse(await readFile(file, 'utf8'));
    expect(document).toMatchObject({
      version: 1,
      components: [
        {
          distribution: [
            [1, 1],
            [2, 2],
            [3, 1],
          ],
        },
      ],
    });
    const other = new PerformanceMonitor();
    const loaded = await other.loadBaseline(file, 'yesterday');
    expect(loaded.components.get('a/b "quoted" ☃')?.totalCalls).toBe(4);
    expect(loaded.timestamp).toBeInstanceOf(Date);
    expect(other.detectRegressions('yesterday')).toEqual([]);
    await expect(monitor.saveBaseline(file, 'unknown')).rejects.toThrow('Baseline not found: unknown');
    await expect(monitor.saveBaseline(join(directory, 'no', 'such', 'place.json'))).rejects.toThrow('ENOENT');
  });

  test('a link to a baseline stays a link', async () => {
    const [file, link] = [join(directory, 'there.json'), join(directory, 'link.json')];
    await writeFile(file, '');
    await symlink(file, link);
    const monitor = new PerformanceMonitor();
    await monitor.saveBaseline(link);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(file, 'utf8')).toContain('"version":1');
  });

  test('without an id, what this run recorded is saved: not what was loaded, nor what was saved before', async () => {
    const file = join(directory, 'baseline.json');
    const calls = async () => {
      const monitor = new PerformanceMonitor();
      return (await monitor.loadBaseline(file)).components.get('x')?.totalCalls;
    };
    const monitor = new PerformanceMonitor();
    record(monitor, 'x', [1, 2]);
    await monitor.saveBaseline(file);
    const next = new PerformanceMonitor();
    await next.loadBaseline(file);
    record(next, 'x', [1, 2, 3]);
    await next.saveBaseline(file);
    expect(await calls()).toBe(3);
    record(next, 'x', [4]);
    await next.saveBaseline(file);
    expect(await calls()).toBe(4);
    next.setBaseline('chosen');
    record(next, 'x', [5]);
    await next.saveBaseline(file);
    expect(await calls()).toBe(4);
    next.clearBaselines();
    await next.saveBaseline(file);
    expect(await calls()).toBe(5);
  });

  test('names and ids of any text come back, lone surrogates and prototype names too', async () => {
    const monitor = new PerformanceMonitor();
    const names = ['\ud800', '\ud801', '\ufffd', '\u{10fffd}', '\u{10fffd}\ue000', '__proto__', ''];
    for (const [i, name] of names.entries()) record(monitor, name, Array(30).fill(i + 1));
    expect(monitor.getAllTimings().map((t) => [t.component, t.totalDuration])).toEqual(
      names.map((name, i) => [name, 30 * (i + 1)]).reverse(),
    );
    expect(monitor.identifyBottlenecks().map((b) => b.component)).toEqual(names.toReversed());
    for (const id of ['\ud800', '\ud801']) monitor.setBaseline(id);
    const file = join(directory, 'baseline.json');
    await monitor.saveBaseline(file, '\ud801');
    expect(new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))).toContain('components');
    const other = new PerformanceMonitor();
    const loaded = await other.loadBaseline(file);
    expect([loaded.id, [...loaded.components.keys()]]).toEqual(['\ud801', names.toReversed()]);
    for (const name of names) record(other, name, Array(30).fill(90));
    const slower = other.detectRegressions('\ud801').map((regression) => regression.component);
    expect(slower.sort()).toEqual([...names].sort());
    await writeFile(file, `\ufeff${await readFile(file, 'utf8')}`);
    expect((await other.loadBaseline(file, 'edited')).id).toBe('edited');
    await expect(other.saveBaseline(file, 5 as never)).rejects.toThrow(TypeError);
  });

  test.each([
    [
      'half a file',
      (text: string) => text.slice(0, text.indexOf('"rounds"') + 4),
      /baseline\.json: not a saved baseline: EOF/,
    ],
    ['another kind of file', () => '{"name":"x"}', /not a saved baseline: missing field `schema`/],
    [
      'a later version',
      (text: string) => text.replace('"version":1', '"version":7'),
      /schema version 7.*update the package/,
    ],
    ['an earlier version than the first', (text: string) => text.replace('"version":1', '"version":0'), /version is 0/],
    [
      'no time',
      (text: string) => text.replace(/"timestamp":"[^"]+"/u, '"timestamp":"yesterday"'),
      /timestamp is "yesterday"/,
    ],
    ['a negative round', (text: string) => text.replace('"mean":', '"mean":-'), /"c": a duration is negative/],
    [
      'an endless round',
      (text: string) => text.replace(/"mean":[\d.]+/u, '"mean":1.7e308'),
      /"c": a duration is .* longer than 30 million years/,
    ],
    ['a component twice', (text: string) => text.replace(/(\{"component":.*\})\]/u, '$1,$1]'), /"c" is there twice/],
    ['a count that was changed', (text: string) => text.replace('[2.0,2]', '[2.0,3]'), /distribution does not add up/],
    ['a round that was changed', (text: string) => text.replace('"count":1.0', '"count":2.0'), /rounds do not add up/],
  ])('%s is refused with a clear error', async (_, damage, message) => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', [1, 2, 2]);
    const file = join(directory, 'baseline.json');
    await monitor.saveBaseline(file);
    await writeFile(file, damage(await readFile(file, 'utf8')));
    const failure = await new PerformanceMonitor().loadBaseline(file).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AiEvalsError);
    expect(failure).toMatchObject({ code: 'ERR_BASELINE', message: expect.stringMatching(message) });
  });
});
