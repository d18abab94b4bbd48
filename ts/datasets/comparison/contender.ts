/** A model of a comparison: its name, the function that answers, and the settings that a stored run is known by. */
import { options as checkOptions, outOfRange, string, wrongType } from '../../arguments.js';
import type { RunnerConfig } from '../../types.js';
import { isAiSdkModel } from '../model/ai_sdk_model.js';
import { idOfSource, type ModelSource } from '../model/model_source.js';
import { type ModelRunnerOptions, modelRunner } from '../model_runner.js';
import type { CaseRunner, ComparedModel, NamedModel, RunnerObject } from './types.js';

/** A model that takes part in a comparison. */
export interface Contender {
  name: string;
  run: CaseRunner;
  config: RunnerConfig;
  /** JSON of what changes its answers. */
  settings: Readonly<Record<string, unknown>>;
}

/** Returns the contenders. `shared` are the options of runners for models without one of their own. */
export function contendersOf(models: unknown, shared: ModelRunnerOptions<unknown, unknown>): Contender[] {
  if (!Array.isArray(models)) wrongType('models', 'an array of models', models);
  const list = models as readonly ComparedModel[];
  if (list.length === 0) outOfRange('models', 'a list of at least one model', list);
  const contenders = list.map((model, i) => contenderOf(`models[${i}]`, model, shared));
  const names = new Set<string>();
  for (const { name } of contenders) {
    if (names.has(name)) {
      outOfRange('models', `models of different names; give one of them another: { name, model }`, name);
    }
    names.add(name);
  }
  return contenders;
}

function contenderOf(place: string, model: ComparedModel, shared: ModelRunnerOptions<unknown, unknown>): Contender {
  const named = namedOf(place, model);
  const given = checkOptions(`${place}.config`, named.config);
  const runner = named.runner === undefined ? undefined : functionOf(`${place}.runner`, named.runner);
  const { modelId, settings } = (runner ?? {}) as { modelId?: string; settings?: object };
  const id = given.modelId ?? modelId ?? idOfSource(named.model);
  const name = named.name === undefined ? id : string(`${place}.name`, named.name);
  if (!name) return wrongType(place, 'a model with an id, or { name, runner }', model);
  const config: RunnerConfig = { ...given, modelId: id ?? name };
  if (runner) return { name, run: runner, config, settings: { ...settings, ...given } };
  const source: ModelSource = named.model ?? config.modelId;
  const made = modelRunner({ ...shared, model: source } as Parameters<typeof modelRunner>[0]);
  return { name, run: made as CaseRunner, config, settings: { ...made.settings, ...given } };
}

function namedOf(place: string, model: ComparedModel): NamedModel {
  if (typeof model === 'string' || isAiSdkModel(model)) return { model };
  if (typeof model === 'function') return { runner: model };
  if (typeof model !== 'object' || model === null)
    return wrongType(place, 'a model, a runner or { name, model }', model);
  if (typeof (model as Partial<RunnerObject>).run === 'function') return { runner: model as RunnerObject };
  const isEndpoint = 'baseURL' in model || 'apiKey' in model;
  return isEndpoint ? { model: model as ModelSource } : (model as NamedModel);
}

function functionOf(name: string, runner: CaseRunner | RunnerObject): CaseRunner {
  if (typeof runner === 'function') return runner;
  const { run } = (runner ?? {}) as Partial<RunnerObject>;
  if (typeof run !== 'function') return wrongType(name, 'a function, or an object with run()', runner);
  const called: CaseRunner = (task, context) => run.call(runner, task, context);
  const { modelId, settings } = runner as { modelId?: string; settings?: object };
  return Object.assign(called, { modelId, settings });
}
