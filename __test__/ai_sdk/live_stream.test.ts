/** Readers that share a stream, in every order of what can happen, against a model of what each has to get. */
import { ResponseCache } from '@aah/ai-evals';
import { cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { wrapLanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { controlled, parts, type StreamPart, settled } from './models.js';

type Step = { do: 'give' | 'end' | 'break' | 'join' } | { do: 'read' | 'cancel' | 'abort'; who: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'give' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'end' }, { do: 'break' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'join' }) },
  { weight: 6, arbitrary: fc.nat(3).map((who): Step => ({ do: 'read', who })) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'abort'), who: fc.nat(3) }) as fc.Arbitrary<Step> },
);

const whole = parts(['a', 'b']);
const texts = whole.map(textOf);

interface Reader {
  reader: ReadableStreamDefaultReader<StreamPart>;
  controller: AbortController;
  reads: Promise<string>[];
  /** What its pending reads then give. */
  left: 'done' | 'aborted' | undefined;
}

test('each reader gets every part in order until it leaves; the model is stopped when none is left, and not before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const source = controlled();
      let streams = 0;
      const inner = new MockLanguageModelV3({
        doStream: async () => {
          streams += 1;
          return { stream: streams === 1 ? source.stream : controlled().stream };
        },
      });
      const cache = new ResponseCache();
      const model = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(cache) });
      const readers: Reader[] = [];
      const join = async () => {
        const controller = new AbortController();
        const { stream } = await model.doStream({ prompt: [], abortSignal: controller.signal });
        readers.push({ reader: stream.getReader(), controller, reads: [], left: undefined });
      };
      await join();

      let given = 0;
      let state: 'open' | 'done' | 'broken' = 'open';
      const all = () => Promise.all(readers.map(({ reads }) => Promise.all(reads.map(now))));
      // Until somebody has read the end, or the last has left: who joins then has another stream.
      let isOver = false;
      for (const next of steps) {
        if (isOver) break;
        const one = 'who' in next ? readers[next.who] : undefined;
        if (next.do === 'join') await join();
        else if (state === 'open' && next.do === 'give' && given < whole.length) {
          source.controller().enqueue(whole[given] as StreamPart);
          given += 1;
        } else if (state === 'open' && next.do === 'end') {
          source.controller().close();
          state = 'done';
        } else if (state === 'open' && next.do === 'break') {
          source.controller().error(new Error('broken'));
          state = 'broken';
        } else if (one !== undefined && one.left === undefined) {
          if (next.do === 'read') one.reads.push(said(one.reader.read()));
          else one.left = next.do === 'abort' ? 'aborted' : 'done';
          if (next.do === 'abort') one.controller.abort(new Error('aborted'));
          // As of any stream that has broken, which nobody has noticed yet.
          if (next.do === 'cancel')
            await one.reader.cancel().catch((error: Error) => expect(error.message).toBe(state));
        }
        await settled();
        // A read of one that has left since finds the end, too.
        const isFound = state !== 'open' && readers.some(({ reads }) => reads.length > given);
        isOver = readers.every(({ left }) => left) || isFound || (await all()).flat().some((got) => got === state);
      }

      const everybodyLeft = readers.every(({ left }) => left !== undefined);
      const found = await all();
      const counts = found.map((got) => got.filter((text) => text?.startsWith('{')).length);
      expect(streams).toBe(1);
      if (state === 'open') expect(source.seen.isCancelled).toBe(everybodyLeft);
      for (const [i, got] of found.entries()) {
        const { left } = readers[i] as Reader;
        const count = counts[i] as number;
        // The parts from the first on, in order, and then nothing but the end.
        expect(got.slice(0, count)).toEqual(texts.slice(0, count));
        const end = state === 'open' ? undefined : state;
        for (const text of got.slice(count)) expect(left === undefined ? [end] : [end, left]).toContain(text);
        // Nobody waits for what is there. A source that breaks drops what was not read.
        if (left === undefined && state !== 'broken') expect(count).toBe(Math.min(got.length, given));
      }
      const isWhole = Math.max(...counts) === whole.length;
      const isEnded = found.flat().includes('done') && state === 'done';
      const isBroken = found.flat().includes('broken');
      expect(cache.getStats().size).toBe(isWhole && (isEnded || everybodyLeft) && !isBroken ? 1 : 0);
    }),
    { numRuns: 400 },
  );
});

/** What a read gave: the part, or how the stream ended. */
function said(read: Promise<{ done: boolean; value?: StreamPart | undefined }>): Promise<string> {
  return read.then(
    ({ done, value }) => (done || value === undefined ? 'done' : textOf(value)),
    (error: Error) => error.message,
  );
}

function textOf(part: StreamPart): string {
  return JSON.stringify(part.type === 'finish' ? { ...part, providerMetadata: {} } : part);
}

/** What a promise has come to by now. */
function now<T>(promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, settled().then(() => undefined)]);
}
