// Forget what has become wrong: the queries of a dataset that changed, all answers of a model that was reconfigured.
import assert from 'node:assert/strict';
import { cacheManager } from '@aah/ai-evals/performance';

const { queryCache, responseCache } = cacheManager;
queryCache.set('dataset-42 cases', { page: 1 }, ['case 1', 'case 2']);
queryCache.set('metrics', { of: 'dataset-42' }, { passRate: 0.9 });
queryCache.set('dataset-7 cases', { page: 1 }, ['case 9']);

function onDatasetUpdate(id: number): number {
  return cacheManager.queryCache.invalidate(new RegExp(`dataset-${id}`));
}

console.log(`${onDatasetUpdate(42)} queries forgotten`);
assert.equal(queryCache.get('dataset-42 cases', { page: 1 }), undefined);
assert.equal(queryCache.get('metrics', { of: 'dataset-42' }), undefined);
assert.deepEqual(queryCache.get('dataset-7 cases', { page: 1 }), ['case 9']);

responseCache.set('a question', { temperature: 0 }, 'an answer');
function onModelConfigChange(): void {
  cacheManager.responseCache.clear();
}
onModelConfigChange();
assert.equal(responseCache.getStats().entries, 0);
