/** The files of a new project: a commented configuration and a first dataset, which run as they are. */

/** Forms of a new configuration. */
export const CONFIG_FORMATS = ['ts', 'mts', 'js', 'mjs', 'yaml', 'yml', 'json'] as const;
export type ConfigFormat = (typeof CONFIG_FORMATS)[number];

/** The dataset, below the directory of the configuration. */
export const FIRST_DATASET = 'datasets/first.jsonl';

/** Cases of kinds that the local model answers too. */
const CASES = [
  {
    id: 'days-to-hours',
    input: "Convert 140 days to hours. Round to two decimals and end with a line 'A: <number>'.",
    expected: 3360,
    category: 'units',
  },
  {
    id: 'days-between',
    input: "How many days after 2022-06-25 is 2023-11-04? End with a line 'A: <number>'.",
    expected: 497,
    category: 'dates',
  },
  {
    id: 'weekday',
    input: 'On which day of the week does 1996-06-20 fall? Reply with the name of the day only.',
    expected: 'Thursday',
    category: 'dates',
  },
];

/** Returns the text of the first dataset: a case a line. */
export function firstDataset(): string {
  return CASES.map((one) => `${JSON.stringify(one)}\n`).join('');
}

const PROGRAM_BODY = `  name: 'first evaluation',

  // Files of cases: { "input": …, "expected": … } a line. Paths start here.
  datasets: ['${FIRST_DATASET}'],

  // Models to compare. Without this key the model is gpt-4o-mini when OPENAI_API_KEY is set, else a small local one.
  // models: ['gpt-4o-mini', { provider: 'anthropic', modelId: 'claude-haiku-4-5' }],

  // The way answers are judged; see: ai-evals run --help
  scorer: 'auto',

  // Milliseconds, further attempts, calls in flight.
  runner: { timeout: 30_000, retries: 3, concurrency: 5 },

  // The command ends with exit code 1 when less than this share passes.
  minPassRate: 0.5,

  // A run that later ones are compared with: ai-evals baseline set main last
  // baseline: { baselineId: 'main', failOn: 'major' },
`;

const YAML = `name: first evaluation

# Files of cases: { "input": …, "expected": … } a line. Paths start here.
datasets:
  - ${FIRST_DATASET}

# Models to compare. Without this key the model is gpt-4o-mini when OPENAI_API_KEY is set, else a small local one.
# models:
#   - gpt-4o-mini
#   - provider: anthropic
#     modelId: claude-haiku-4-5

# The way answers are judged; see: ai-evals run --help
scorer: auto

runner:
  timeout: 30000 # milliseconds
  retries: 3
  concurrency: 5

# The command ends with exit code 1 when less than this share passes.
minPassRate: 0.5

# A run that later ones are compared with: ai-evals baseline set main last
# baseline:
#   baselineId: main
#   failOn: major
`;

/** Returns the text of a new configuration. JSON has no comments. */
export function newConfig(format: ConfigFormat): string {
  switch (format) {
    case 'yaml':
    case 'yml':
      return YAML;
    case 'json': {
      const runner = { timeout: 30_000, retries: 3, concurrency: 5 };
      const config = { name: 'first evaluation', datasets: [FIRST_DATASET], scorer: 'auto', runner, minPassRate: 0.5 };
      return `${JSON.stringify(config, null, 2)}\n`;
    }
    case 'js':
      return `/** @type {import('@aah/ai-evals').EvalConfig} */\nmodule.exports = {\n${PROGRAM_BODY}};\n`;
    default:
      return `import { defineConfig } from '@aah/ai-evals';\n\nexport default defineConfig({\n${PROGRAM_BODY}});\n`;
  }
}
