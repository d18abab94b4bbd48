/** Flags of the commands that make and check the files of a project. */
const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const HELP = { help: { ...flag, short: 'h' } } as const;

export const INIT_FLAGS = { format: { ...text, short: 'f' }, force: flag, json: flag, ...HELP } as const;

export const CONFIG_FLAGS = {
  config: { ...text, short: 'c' },
  format: { ...text, short: 'f' },
  force: flag,
  json: flag,
  ...HELP,
} as const;

export const DATASET_FLAGS = {
  config: { ...text, short: 'c' },
  name: text,
  description: text,
  limit: text,
  force: flag,
  json: flag,
  ...HELP,
} as const;

export const REPORT_FLAGS = {
  'run-id': { ...text, short: 'r' },
  latest: { ...flag, short: 'l' },
  input: text,
  format: { ...text, short: 'f' },
  output: { ...text, short: 'o' },
  store: text,
  'compare-baseline': text,
  'include-failures': flag,
  'include-metrics': flag,
  json: flag,
  ...HELP,
} as const;
