/** The shape of a configuration, key by key. */
import type {
  BaselineEntry,
  EvalConfig,
  FieldsEntry,
  ModelEntry,
  OutputEntry,
  ReportFormat,
  RunnerEntry,
} from '../../config/index.js';
import { ABOVE_0, FROM_0, SHARE, WHOLE_FROM_0, WHOLE_FROM_1 } from '../flags.js';
import { ANY_OBJECT, either, exactly, FLAG, list, NAME, number, object, oneOf, type Shape, TEXT } from './shape.js';

/** Forms of a report. */
export const REPORT_FORMATS = [
  'table',
  'json',
  'markdown',
  'html',
  'csv',
  'junit',
  'github',
] as const satisfies readonly ReportFormat[];

/** Severities of a regression, the worst first. */
export const SEVERITIES = ['critical', 'major', 'minor'] as const;

/** A shape for every key of `T`: the build fails where one is forgotten. */
type Keys<T> = Record<keyof T, Shape>;

const MODEL: Keys<ModelEntry> = {
  modelId: NAME,
  provider: oneOf('openai', 'anthropic', 'local'),
  baseUrl: NAME,
  apiKeyEnv: NAME,
  name: NAME,
  system: TEXT,
  temperature: number(FROM_0),
  maxTokens: number(WHOLE_FROM_1),
  price: object({ input: number(FROM_0), output: number(FROM_0) }, ['input', 'output']),
};

const RUNNER: Keys<RunnerEntry> = {
  timeout: number(ABOVE_0),
  retries: number(WHOLE_FROM_0),
  concurrency: number(WHOLE_FROM_1),
  parallel: FLAG,
  requestsPerMinute: number(WHOLE_FROM_1),
  tokensPerMinute: number(WHOLE_FROM_1),
  system: TEXT,
  temperature: number(FROM_0),
  maxTokens: number(WHOLE_FROM_1),
};

const FIELDS: Keys<FieldsEntry> = { id: NAME, input: NAME, expected: NAME, category: NAME, actual: NAME };

const BASELINE: Keys<BaselineEntry> = {
  baselineId: NAME,
  enabled: FLAG,
  failOn: oneOf(...SEVERITIES),
  failOnRegression: FLAG,
};

const OUTPUT: Keys<OutputEntry> = {
  format: oneOf(...REPORT_FORMATS),
  file: NAME,
  json: NAME,
  jsonLines: NAME,
  showFailures: number(WHOLE_FROM_0),
};

/** A scorer that a factory made. */
const MADE_SCORER: Shape = {
  described: 'a scorer of @aah/ai-evals/scorers',
  accepts: (value) => typeof (value as { scoreAll?: unknown } | null | undefined)?.scoreAll === 'function',
};

function has(key: string, shape: Shape): Shape {
  return { ...shape, accepts: (value) => shape.accepts(value) && Object.hasOwn(value as object, key) };
}

const SCORER = either(
  NAME,
  MADE_SCORER,
  has(
    'strategy',
    object({ strategy: oneOf('exact', 'semantic', 'llm-judge'), threshold: number(SHARE), judgePrompt: NAME }, [
      'strategy',
    ]),
  ),
  object({ name: NAME, options: ANY_OBJECT }, ['name']),
);

const KEYS: Keys<EvalConfig> = {
  name: NAME,
  description: TEXT,
  datasets: list(NAME),
  models: list(either(NAME, object(MODEL, ['modelId']))),
  runner: object(RUNNER),
  scorer: SCORER,
  scorers: list(SCORER),
  threshold: number(SHARE),
  tolerance: number(FROM_0),
  fields: object(FIELDS),
  repeat: number(WHOLE_FROM_1),
  limit: number(WHOLE_FROM_1),
  minPassRate: number(SHARE),
  allowErrors: either(FLAG, number(WHOLE_FROM_0)),
  baseline: either(NAME, object(BASELINE, ['baselineId'])),
  output: either(NAME, object(OUTPUT)),
  store: either(exactly(false), NAME),
  cache: either(exactly(false), NAME, object({ file: NAME, mode: oneOf('on', 'record', 'replay') })),
};

/** The shape of a whole configuration. */
export const CONFIG: Shape = object(KEYS);
