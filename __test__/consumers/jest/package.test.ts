import * as orchestrator from '@aah/ai-evals/orchestrator';
import * as performance from '@aah/ai-evals/performance';
import { describe, expect, jest, test } from '@jest/globals';

describe('both subpaths in a Jest project', () => {
  test('load, and share their error classes', () => {
    expect(performance.AiEvalsError).toBe(orchestrator.AiEvalsError);
    expect(require('@aah/ai-evals').AiEvalsError).toBe(performance.AiEvalsError);
  });

  test('can be loaded again after each of 50 module resets', () => {
    const seen = new Set<unknown>();
    for (let i = 0; i < 50; i += 1) {
      jest.resetModules();
      const again: typeof performance = require('@aah/ai-evals/performance');
      require('@aah/ai-evals/orchestrator');
      seen.add(again.AiEvalsError);
    }
    expect(seen.size).toBe(50);
  });

  test('errors of the package are instances of the sandbox’s own classes', () => {
    const error = new performance.NativeLoadError('no library');
    expect(error).toBeInstanceOf(performance.AiEvalsError);
    expect(error instanceof Error).toBe(true);
    expect(new performance.ArgumentRangeError('0') instanceof RangeError).toBe(true);
    expect(new performance.ArgumentTypeError('0') instanceof TypeError).toBe(true);
  });
});
