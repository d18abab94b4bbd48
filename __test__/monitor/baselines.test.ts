import { createHook } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
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

describe('detectRegressions', () => {
  test('reports a single pair of calls from twice as long and 5 ms longer, however many components there are', () => {
    const monitor = new PerformanceMonitor();
    const pairs = { twice: [10, 20], three: [40, 120], half: [10, 15], short: [1, 3], same: [8, 8], also: [9, 9.2] };
    for (const [name, [before]] of Object.entries(pairs)) record(monitor, name, [before as number]);
    monitor.setBaseline('v1');
    for (const [name, [, after]] of Object.entries(pairs)) record(monitor, name, [after as number]);
    const { regressions, unjudged } = monitor.generateReport('v1');
    expect(regressions.map((r) => [r.component, Math.round(r.percentChange)])).toEqual([
      ['three', 200],
      ['twice', 100],
    ]);
    expect(regressions[1]?.confidence).toBeGreaterThan(0.9);
    expect(regressions[1]?.confidence).toBeLessThan(0.95);
    expect(unjudged.map((u) => [u.component, Math.round(u.percentChange)])).toEqual([
      ['short', 200],
      ['half', 50],
    ]);
    expect(monitor.detectRegressions('v1')).toEqual(regressions);
  });

  test('is never silent: a change beyond the threshold that noise may explain is unjudged, with the calls needed', () => {
    const monitor = new PerformanceMonitor();
    const noisy = (mean: number, count: number) => Array.from({ length: count }, (_, i) => mean * (i % 2 ? 0.5 : 1.5));
    record(monitor, 'noisy', noisy(10, 4));
    record(monitor, 'steady', around(10, 4));
    monitor.setBaseline('v1');
    record(monitor, 'noisy', noisy(14, 4));
    record(monitor, 'steady', around(10.5, 4));
    const report = monitor.generateReport('v1');
    expect(report.regressions).toEqual([]);
    expect(report.unjudged).toEqual([
      { component: 'noisy', percentChange: expect.closeTo(40, 6), callsNeeded: expect.any(Number) },
    ]);
    const needed = report.unjudged[0]?.callsNeeded as number;
    expect(needed).toBeGreaterThan(4);
    expect(JSON.parse(JSON.stringify(report)).unjudged).toEqual(report.unjudged);
    const more = new PerformanceMonitor();
    record(more, 'noisy', noisy(10, needed));
    more.setBaseline('v1');
    record(more, 'noisy', noisy(14, needed));
    expect(more.detectRegressions('v1')).toMatchObject([{ component: 'noisy' }]);
    expect(monitor.generateReport().unjudged).toEqual([]);
  });

  test('takes the defaults for null options', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', around(10, 40));
    monitor.setBaseline('v1');
    record(monitor, 'c', around(11.5, 40));
    const expected = monitor.detectRegressions('v1');
    expect(expected).toMatchObject([{ severity: 'minor' }]);
    const none = { critical: null, major: null, minor: null };
    for (const given of [null, none]) expect(monitor.detectRegressions('v1', given as never)).toEqual(expected);
    expect(monitor.identifyBottlenecks(null as never)).toEqual(monitor.identifyBottlenecks());
    expect(monitor.identifyBottlenecks({ criticalMs: null, criticalPercent: null } as never)).toEqual(
      monitor.identifyBottlenecks(),
    );
    expect(monitor.generateReport(null as never).baseline).toBeUndefined();
    expect(monitor.importBaseline(monitor.exportBaseline('v1'), null as never).id).toBe('v1');
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
    expect(monitor.generateReport('b').unjudged).toMatchObject([{ component: 'c' }]);
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

/** The reference timings that a baseline keeps, by component. */
function references(monitor: PerformanceMonitor): Record<string, { calls: number; readings: number; mean: number }> {
  monitor.setBaseline('references');
  const { components } = JSON.parse(monitor.exportBaseline('references')) as {
    components: { component: string; reference: { calls: number; readings: number; mean: number } }[];
  };
  return Object.fromEntries(components.map(({ component, reference }) => [component, reference]));
}

describe('reference timings', () => {
  test('are unknown on a faked clock, whose durations are of no machine', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'faked', around(1, 40));
    monitor.setBaseline('before');
    record(monitor, 'faked', around(4, 40));
    expect(monitor.detectRegressions('before')).toMatchObject([
      { severity: 'critical', machinePercent: 0, conclusive: true },
    ]);
    expect(references(monitor).faked).toMatchObject({ calls: 0, readings: 0 });
  });

  test('are known of every call in a program whose event loop never turns: read at setBaseline', () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    for (let i = 0; i < 1000; i += 1) monitor.measureSync('once', () => i);
    expect(references(monitor).once).toMatchObject({ calls: 1000, readings: 1 });
    monitor.measureSync('once', () => 1);
    expect(references(monitor).once).toMatchObject({ calls: 1001, readings: 2 });
  });

  test('are read while the event loop turns, at most ten times a second, and only for calls since the last one', async () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    const start = performance.now();
    for (let turn = 0; turn < 25; turn += 1) {
      monitor.measureSync('busy', () => 1);
      await setTimeout(20);
    }
    monitor.measureSync('busy', () => 1);
    const most = (performance.now() - start) / 100 + 2;
    // The last one is that of setBaseline.
    const busy = references(monitor).busy;
    const readings = busy?.readings ?? 0;
    expect(busy?.calls).toBe(26);
    expect(readings).toBeGreaterThanOrEqual(2);
    expect(readings).toBeLessThanOrEqual(most);
    await setTimeout(250);
    expect(references(monitor).busy?.readings).toBe(readings);
  });

  test('lie within what the work takes on any machine', () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    monitor.measureSync('c', () => 1);
    const reading = Math.exp(references(monitor).c?.mean as number);
    expect(reading).toBeGreaterThan(0.0001);
    expect(reading).toBeLessThan(10);
  });

  test('explain a change that the machine alone may have made: it is unjudged, with machinePercent', () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    for (let i = 0; i < 40; i += 1) monitor.measureSync('c', () => 1);
    monitor.setBaseline('v1');
    const document = JSON.parse(monitor.exportBaseline('v1'));
    const [component] = document.components;
    // As if the baseline had been recorded by calls half as long, on a machine 10,000 times as quick.
    component.reference.mean -= Math.log(10_000);
    for (const round of component.rounds) for (const figure of ['mean', 'median']) round[figure] /= 2;
    component.distribution = component.distribution.map(([duration, times]: number[]) => [
      (duration as number) / 2,
      times,
    ]);
    component.avgDuration /= 2;
    const later = new PerformanceMonitor();
    for (let i = 0; i < 40; i += 1) later.measureSync('c', () => 1);
    later.importBaseline(document);
    const { regressions, unjudged } = later.generateReport('v1');
    expect(regressions).toEqual([]);
    for (const { machinePercent, callsNeeded } of unjudged) {
      if (callsNeeded === undefined) expect(machinePercent).toBeGreaterThan(100);
    }
  });

  test('of a baseline of an earlier version are unknown, and it is compared without', () => {
    const before = new PerformanceMonitor();
    record(before, 'slow', around(10, 40));
    before.setBaseline('v1');
    const document = JSON.parse(before.exportBaseline('v1'));
    const old = structuredClone(document);
    for (const component of old.components) {
      delete component.reference;
      for (const round of component.rounds) round.pace = 0.005;
    }
    const other = structuredClone(document);
    other.work = 1;
    other.components[0].reference = { calls: 40, readings: 3, mean: -5, squares: 0.1 };
    for (const baseline of [old, other]) {
      const after = new PerformanceMonitor();
      after.importBaseline(baseline);
      record(after, 'slow', around(13, 40));
      expect(after.detectRegressions('v1')).toMatchObject([
        { component: 'slow', severity: 'major', machinePercent: 0, conclusive: true },
      ]);
      expect(JSON.parse(after.exportBaseline('v1')).components[0].reference).toMatchObject({ calls: 0, readings: 0 });
    }
  });
});

describe('start and end', () => {
  test('make no timer, promise or other resource while a reading is due', () => {
    let made = 0;
    const hook = createHook({
      init: () => {
        made += 1;
      },
    });
    const monitor = new PerformanceMonitor();
    record(monitor, 'c', [1]);
    hook.enable();
    record(monitor, 'c', Array(2000).fill(1));
    hook.disable();
    expect(made).toBe(0);
  });

  test('leave no timer behind that keeps a process, or a fake clock, running', async () => {
    const script = `
      const { PerformanceMonitor } = require('@aah/ai-evals/performance');
      const monitor = new PerformanceMonitor();
      monitor.start('c');
      monitor.end('c');
      console.log(process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length);`;
    const printed = execFileSync(process.execPath, ['-e', script], { timeout: 20_000 });
    expect(printed.toString().trim()).toBe('0');
    vi.useFakeTimers();
    try {
      vi.resetModules();
      const monitor = new PerformanceMonitor();
      record(monitor, 'c', [1, 2, 3]);
      vi.runAllTimers();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
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
    [
      'an impossible reference timing',
      (text: string) => text.replace('"readings":0.0', '"readings":-1.0'),
      /"c": its reference timing is no timing/,
    ],
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
