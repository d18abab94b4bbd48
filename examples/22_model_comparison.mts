// Two models on one dataset: every case three times, with intervals, and a winner only where there is one.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatComparisonReport, modelRunner, runModelComparison } from '@aah/ai-evals/datasets';
import { numericAnswer } from '@aah/ai-evals/scorers';

// Stands in for a provider, so that the example runs without an account: `careless` is wrong about every fourth sum.
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { model, messages } = JSON.parse(Buffer.concat(chunks).toString());
    const [a = 0, b = 0] = messages.at(-1).content.match(/\d+/g).map(Number);
    const slip = model === 'careless' && a % 4 === 0 ? 1 : 0;
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        choices: [{ message: { role: 'assistant', content: `The sum is ${a + b + slip}` }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 },
      }),
    );
  });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;

const cases = Array.from({ length: 60 }, (_, i) => ({ id: `sum-${i}`, input: { a: i, b: 7 }, expected: i + 7 }));
const careful = modelRunner({ model: { baseURL, model: 'careful' }, prompt: 'Add {{input.a}} and {{input.b}}.' });

const report = await runModelComparison({
  dataset: cases,
  models: [careful, { baseURL, model: 'careless' }],
  prompt: 'Add {{input.a}} and {{input.b}}.',
  prices: { careless: { input: 0.1, output: 0.4 } },
  scorer: numericAnswer(),
  repeats: 3,
  concurrency: 16,
});
console.log(formatComparisonReport(report));
assert.equal(report.winner, 'careful');
assert.equal(report.models[0]?.cost, undefined); // No price of `careful` is known.
server.close();
server.closeAllConnections();
