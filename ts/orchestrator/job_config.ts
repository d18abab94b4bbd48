/** The configuration of a job, checked. */
import { options, positiveInteger, string, wrongType } from '../arguments.js';
import type { JobConfig } from './types.js';

/** Checks a configuration; returns a copy. A `TypeError` or `RangeError` names what cannot be used. */
export function jobConfig(given: JobConfig): JobConfig {
  const { datasetIds, runnerConfigs, scorerConfig, baseline, parallel, concurrency, repeats } = options(
    'config',
    given,
  );
  const ids = array('config.datasetIds', datasetIds);
  const runners = array('config.runnerConfigs', runnerConfigs);
  if (parallel !== undefined && typeof parallel !== 'boolean') wrongType('config.parallel', 'a boolean', parallel);
  if (concurrency !== undefined) positiveInteger('config.concurrency', concurrency);
  if (repeats !== undefined) positiveInteger('config.repeats', repeats);
  return {
    datasetIds: ids.map((id, i) => string(`config.datasetIds[${i}]`, id)),
    runnerConfigs: runners.map((runner, i) => {
      const isObject: boolean = typeof runner === 'object' && runner !== null;
      if (!isObject) wrongType(`config.runnerConfigs[${i}]`, 'an object with modelId', runner);
      string(`config.runnerConfigs[${i}].modelId`, runner.modelId);
      return { ...runner };
    }),
    scorerConfig: { ...options('config.scorerConfig', scorerConfig) },
    parallel: parallel ?? true,
    concurrency: concurrency ?? 10,
    ...(baseline === undefined || baseline === null ? {} : { baseline: string('config.baseline', baseline) }),
    ...(repeats === undefined ? {} : { repeats }),
  };
}

function array<T>(name: string, value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? value : wrongType(name, 'an array', value);
}
