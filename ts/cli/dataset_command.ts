/** `ai-evals dataset`: datasets listed, shown, checked and made. */
import { existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { findConfig, type LoadedConfig, loadConfig } from './config/config_file.js';
import { datasetFiles, datasetId, datasetNamed, knownDatasets, shownPath } from './dataset_name.js';
import { type Given, readFlags, WHOLE_FROM_0 } from './flags.js';
import { makeFiles } from './init.js';
import { DATASET_FLAGS } from './project_options.js';
import { UsageError, UserError } from './user_error.js';
import { count, plural, printable, shortened } from './wording.js';

/** Runs the verb and resolves to the exit code. */
export async function datasetCommand(args: string[]): Promise<number | 'help'> {
  const given = readFlags(args, DATASET_FLAGS);
  if (given.on('help')) return 'help';
  const [verb, ...names] = given.positionals;
  if (names.includes('')) throw new UsageError(`dataset ${verb} takes no empty name`);
  switch (verb) {
    case 'list':
      return list(given, names);
    case 'show':
      return show(given, oneOf(verb, names));
    case 'validate':
      return validate(given, names);
    case 'create':
      return create(given, oneOf(verb, names));
    default:
      throw new UsageError(`dataset takes list, show, validate or create, got ${JSON.stringify(verb ?? '')}`);
  }
}

function oneOf(verb: string, names: readonly string[]): string {
  const [name, ...more] = names;
  if (name === undefined) throw new UsageError(`dataset ${verb} needs a NAME`);
  if (more.length > 0) throw new UsageError(`dataset ${verb} takes one NAME, got also ${JSON.stringify(more[0])}`);
  return name;
}

async function configOf(given: Given): Promise<LoadedConfig | undefined> {
  const file = given.text('config') ?? findConfig(process.cwd());
  return file === undefined ? undefined : loadConfig(file);
}

async function list(given: Given, [directory, ...more]: readonly string[]): Promise<number> {
  if (more.length > 0) throw new UsageError(`dataset list takes one DIRECTORY, got also ${JSON.stringify(more[0])}`);
  if (directory !== undefined && !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${directory} is no directory`);
  }
  const files = directory === undefined ? knownDatasets(await configOf(given)) : datasetFiles(directory);
  const rows = files.map((file) => ({
    id: datasetId(file),
    path: shownPath(file),
    bytes: statSync(file, { throwIfNoEntry: false })?.size ?? null,
  }));
  if (given.on('json')) process.stdout.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  else {
    const width = Math.max(0, ...rows.map(({ id }) => id.length));
    const size = (bytes: number | null) => (bytes === null ? '  (missing)' : `  ${count(bytes)} bytes`);
    const lines = rows.map(
      ({ id, path, bytes }) => `${printable(id).padEnd(width)}  ${printable(path)}${size(bytes)}\n`,
    );
    process.stdout.write(lines.join('') || `no dataset in ${directory}\n`);
  }
  return 0;
}

async function show(given: Given, name: string): Promise<number> {
  const file = datasetNamed(name, await configOf(given));
  const { checkDataset } = await import('./dataset_check.js');
  const { cases, categories, problemCount, problems, first } = await checkDataset(
    file,
    given.number('limit', WHOLE_FROM_0) ?? 3,
  );
  if (cases === 0) throw new UserError(problems[0]!.message);
  const shown = first.map(({ id, category, input, expected }) => ({ id, category, input, expected }));
  const path = shownPath(file);
  if (given.on('json')) {
    const { toJsonText } = await import('../value/form.js');
    process.stdout.write(
      `${toJsonText({ id: datasetId(file), path, cases, categories, problems: problemCount, first: shown })}\n`,
    );
    return 0;
  }
  const { matchText } = await import('../scoring/match.js');
  const lines = [
    `${datasetId(file)}: ${plural(cases, 'case')} in ${path}`,
    ...Object.entries(categories).map(
      ([category, number]) => `  ${shortened(category, 30).padEnd(30)}  ${count(number)}`,
    ),
    ...(problemCount === 0 ? [] : [`  ${plural(problemCount, 'problem')}; see: ai-evals dataset validate ${name}`]),
    ...shown.flatMap(({ id, input, expected }) => [
      '',
      `  ${printable(id)}`,
      `    input     ${shortened(matchText(input ?? ''), 64)}`,
      `    expected  ${shortened(matchText(expected), 64)}`,
    ]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

async function validate(given: Given, names: readonly string[]): Promise<number> {
  const config = await configOf(given);
  const files =
    names.length > 0 ? names.map((name) => datasetNamed(name, config)) : config ? knownDatasets(config) : [];
  if (files.length === 0) throw new UsageError('dataset validate needs a NAME where there is no configuration');
  const { checkDataset } = await import('./dataset_check.js');
  let isValid = true;
  for (const file of files) {
    const { cases, problems, problemCount } = await checkDataset(file);
    const path = shownPath(file);
    isValid &&= problemCount === 0;
    if (given.on('json')) {
      const valid = problemCount === 0;
      process.stdout.write(`${JSON.stringify({ id: datasetId(file), path, valid, cases, problemCount, problems })}\n`);
      continue;
    }
    for (const { line, case: at, message } of problems) {
      const place = line === undefined ? (at === undefined ? '' : ` (case ${at})`) : `:${line}`;
      process.stdout.write(at === undefined ? `${message}\n` : `${path}${place}: ${message}\n`);
    }
    const verdict = problemCount === 0 ? 'valid' : plural(problemCount, 'problem');
    process.stdout.write(`${path}: ${plural(cases, 'case')}, ${verdict}\n`);
  }
  return isValid ? 0 : 2;
}

/** Makes a file with one example. JSON takes the form that has a name and a version. */
function create(given: Given, name: string): number {
  const path = /\.\w+$/.test(basename(name)) ? name : `datasets/${name}.jsonl`;
  const [, ending] = /\.(jsonl|ndjson|json)$/i.exec(path) ?? [];
  if (ending === undefined)
    throw new UsageError(`dataset create makes .jsonl and .json files, got ${JSON.stringify(name)}`);
  const example = { id: 'case-1', input: 'What is 9 × 2?', expected: 18, metadata: { category: 'example' } };
  const id = datasetId(path);
  const isJson = ending.toLowerCase() === 'json';
  if (!isJson && (given.text('name') !== undefined || given.text('description') !== undefined)) {
    throw new UsageError('--name and --description belong to a .json file; JSON lines hold cases alone');
  }
  const whole = {
    id,
    name: given.text('name') ?? id,
    description: given.text('description') ?? '',
    version: '1.0.0',
    testCases: [example],
  };
  const text = isJson ? `${JSON.stringify(whole, null, 2)}\n` : `${JSON.stringify(example)}\n`;
  if (existsSync(path) && !given.on('force')) {
    throw new UserError(`${path} is there already; to write over it: --force`);
  }
  makeFiles([{ path, text }], given.on('force'));
  process.stdout.write(given.on('json') ? `${JSON.stringify({ created: [path] })}\n` : `made ${path}\n`);
  return 0;
}
