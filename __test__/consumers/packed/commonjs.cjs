const everything = require('@aah/ai-evals');
const performance = require('@aah/ai-evals/performance');
const orchestrator = require('@aah/ai-evals/orchestrator');
// The package `ai` is not installed here.
const aiSdk = require('@aah/ai-evals/ai-sdk');

const cache = new performance.LRUCache({ maxSize: 2 });
cache.set('a', { answer: 42 });

const executor = new orchestrator.ParallelExecutor({ concurrency: 2 });
const tasks = ['x', 'y', 'z'].map((id) => ({
  id,
  testCase: { id, input: id, expected: id },
  runnerConfig: { modelId: 'm' },
}));
executor
  .executeTasks(tasks, async (task) => task.testCase.input)
  .then((results) => {
    console.log(
      JSON.stringify({
        one:
          everything.LRUCache === performance.LRUCache && everything.ParallelExecutor === orchestrator.ParallelExecutor,
        middleware: Object.keys(aiSdk.cacheMiddleware(new performance.ResponseCache())),
        cached: cache.get('a'),
        results: results.map(({ task, result }) => [task.id, result]),
        version: require('@aah/ai-evals/package.json').version,
      }),
    );
  });
