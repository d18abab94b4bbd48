import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { EvalStore, StoreError, type StoreLogEvent, setLogger } from '@aah/ai-evals/store';
import Database from 'better-sqlite3';
import pg from 'pg';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { canMount, mount } from '../cache/mounted.js';
import {
  directory,
  gathered,
  newResult,
  newResults,
  newRun,
  opened,
  PASSWORD,
  pathOf,
  postgres,
  sqlite,
} from './backends.js';
import { Child } from './children.js';

const server = await postgres();
afterAll(() => server.stop());
const withServer = it.skipIf(server.missing !== undefined);

describe.each([sqlite, server])('processes on $name', (backend) => {
  const { missing, client } = backend;
  const test = it.skipIf(missing !== undefined);

  test('may open a new store at once', async () => {
    const url = await backend.create();
    const children = Array.from({ length: 20 }, () => new Child('create', url));
    await Promise.all(children.map((child) => child.ended()));
    const store = await opened(url);
    const { items } = await store.listRuns();
    expect(items.map(({ id }) => id).toSorted()).toEqual(children.map(({ lines }) => lines[0]).toSorted());
  });

  test('end by themselves with an open store', async () => {
    const child = new Child('leave-open', await backend.create());
    expect(await child.ended()).toBe(0);
  });

  test('lose nothing that was acknowledged to kill -9', async () => {
    const url = await backend.create();
    for (let round = 0; round < 3; round += 1) {
      const child = new Child('write', url, `run-${round}`);
      await child.printed(1 + Math.floor(Math.random() * 200));
      await child.kill();
      const store = await opened(url);
      const rows = await gathered(store.results(`run-${round}`));
      const stored = new Set(rows.map(({ index }) => String(index)));
      expect(stored.size).toBe(rows.length);
      expect(child.lines.filter((line) => !stored.has(line))).toEqual([]);
    }
  });

  test('leave a run of saveRun whole or not at all', async () => {
    const url = await backend.create();
    for (let round = 0; round < 3; round += 1) {
      const child = new Child('save', url, `round-${round}`);
      await child.printed(1 + Math.floor(Math.random() * 8));
      await child.kill();
    }
    const counts = await client(url)(
      `SELECT r."id", (SELECT COUNT(*) FROM "EvalResult" x WHERE x."runId" = r."id") AS "results",
        (SELECT COUNT(*) FROM "EvalMetrics" m WHERE m."runId" = r."id") AS "metrics" FROM "EvalRun" r`,
    );
    expect(counts.length).toBeGreaterThanOrEqual(3);
    for (const { results, metrics } of counts) expect([Number(results), Number(metrics)]).toEqual([200, 1]);
  });

  test('hold the runs that they have created', async () => {
    const url = await backend.create();
    const child = new Child('hold', url, 'held');
    await child.printed(1);
    const store = await opened(url);
    await expect(store.resumeRun('held', newRun())).rejects.toMatchObject({ code: 'ERR_STORE_RUN_BUSY' });
    await child.kill();
    expect(await store.resumeRun('held', newRun())).toMatchObject({ id: 'held', status: 'running' });
  });

  test('give up a run to force', async () => {
    const url = await backend.create();
    const child = new Child('hold', url, 'held');
    await child.printed(1);
    const store = await opened(url);
    expect(await store.resumeRun('held', newRun(), { force: true })).toMatchObject({ id: 'held' });
  });

  test('hold no run that they have finished or closed', async () => {
    const url = await backend.create();
    const store = await opened(url);
    for (const task of ['create', 'finish']) {
      const child = new Child(task, url);
      await child.printed(1);
      const [id] = child.lines;
      expect(await store.resumeRun(id!, newRun())).toMatchObject({ id, status: 'running' });
    }
  });
});

describe('tables that Prisma made', () => {
  const ddl = (name: string) => readFileSync(join(__dirname, 'prisma', `${name}.sql`), 'utf8');

  async function adopted(name: 'sqlite' | 'postgres') {
    const backend = name === 'sqlite' ? sqlite : server;
    const url = await backend.create();
    if (name === 'sqlite') {
      const database = new Database(pathOf(url));
      database.exec(ddl(name));
      database.close();
    } else {
      const connection = new pg.Client({ connectionString: url });
      await connection.connect();
      await connection.query(ddl(name));
      await connection.end();
    }
    return { url, query: backend.client(url) };
  }

  for (const name of ['sqlite', 'postgres'] as const) {
    const test = name === 'sqlite' ? it : withServer;

    test(`are used as they are, with the missing indexes added: ${name}`, async () => {
      const { url, query } = await adopted(name);
      const tables =
        name === 'sqlite'
          ? `SELECT "sql" FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'ai_evals%' AND name NOT LIKE 'sqlite_%' ORDER BY name`
          : `SELECT table_name, column_name, data_type, column_default FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`;
      const before = await query(tables);
      const store = await opened(url);
      expect(store.schema().adopted).toBe(true);
      expect(await query(tables)).toEqual(before);
      expect(await query('SELECT "id", "checksum" FROM "_prisma_migrations"')).toEqual([{ id: 'm1', checksum: 'c1' }]);
      const indexes =
        name === 'sqlite'
          ? `SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE '%_idx'`
          : `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE '%_idx'`;
      const names = (await query(indexes)).map((row) => row.name);
      expect(names).toEqual(
        expect.arrayContaining(['EvalRun_datasetId_idx', 'EvalResult_runId_score_idx', 'EvalRun_status_idx']),
      );
      expect(store.schema().added).toContain('EvalResult_runId_score_idx');
      expect(store.schema().added).not.toContain('EvalRun_datasetId_idx');
      await store.close();
      expect((await opened(url)).schema().added).toEqual([]);
    });

    test(`keep the rows of others, and take ours: ${name}`, async () => {
      const { url, query } = await adopted(name);
      const json = (text: string) => (name === 'sqlite' ? `'${text}'` : `'${text}'::jsonb`);
      const yes = name === 'sqlite' ? '1' : 'true';
      await query(
        `INSERT INTO "EvalRun" ("id", "datasetId", "datasetVersion", "modelId", "modelConfig", "runnerType", "scorerConfig", "startTime", "status", "updatedAt")
         VALUES ('theirs', 'triage', '3', 'm', ${json('{"t":0}')}, 'prisma', ${json('{}')}, '2026-01-02 03:04:05', 'running', '2026-01-02 03:04:05')`,
      );
      await query(
        `INSERT INTO "EvalResult" ("id", "runId", "testCaseId", "input", "expected", "actual", "passed", "score", "latencyMs", "tokenUsage", "cost")
         VALUES ('their-id', 'theirs', 'case-0', ${json('5')}, ${json('"x"')}, ${json('{"a":1}')}, ${yes}, 0.5, 12, ${json('{"total":3}')}, 0.25)`,
      );
      const store = await opened(url);
      const run = await store.getRun('theirs');
      expect(run).toMatchObject({ runnerType: 'prisma', modelConfig: { t: 0 } });
      expect(run!.startTime.toISOString()).toBe('2026-01-02T03:04:05.000Z');
      expect(await store.have('theirs', [{ testCaseId: 'case-0' }, { testCaseId: 'case-0', repeat: 1 }])).toEqual(
        Uint8Array.of(1, 0),
      );
      expect(await store.insertResults(newResults('theirs', 2))).toEqual({ inserted: 1, skipped: 1 });
      const rows = await gathered(store.results('theirs'));
      expect(rows.find(({ id }) => id === 'their-id')).toMatchObject({
        input: 5,
        expected: 'x',
        actual: { a: 1 },
        repeat: 0,
      });
      expect(await query(`SELECT "team" FROM "EvalResult" WHERE "testCaseId" = 'case-1'`)).toEqual([{ team: 'evals' }]);
      await store.finishRun('theirs');
      expect(await store.metrics('theirs')).toMatchObject({ totalTests: 2 });
    });

    test(`are refused by name when a column is missing: ${name}`, async () => {
      const { url, query } = await adopted(name);
      await query('ALTER TABLE "EvalResult" DROP COLUMN "confidence"');
      const opening = EvalStore.open(url);
      await expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_SCHEMA' });
      await expect(opening).rejects.toThrow(/column confidence of the table EvalResult/);
    });
  }

  it('keep the journal mode of a file', async () => {
    const { url, query } = await adopted('sqlite');
    const before = await query('PRAGMA journal_mode');
    const store = await opened(url);
    const { id } = await store.createRun(newRun());
    await store.insertResults(newResults(id, 3));
    await store.close();
    expect(await query('PRAGMA journal_mode')).toEqual(before);
  });

  it.each([
    ['ISO texts', `'2026-01-02T03:04:05.678+00:00'`, /^\d{4}-\d\d-\d\dT[\d:.]{12}\+00:00$/],
    ['milliseconds', '1767323045678', 'integer'],
  ] as const)('take times as the newest row has them: %s', async (_, value, form) => {
    const { url, query } = await adopted('sqlite');
    await query(
      `INSERT INTO "EvalRun" ("id", "datasetId", "datasetVersion", "modelId", "modelConfig", "runnerType", "scorerConfig", "startTime", "status", "createdAt", "updatedAt")
       VALUES ('theirs', 'triage', '3', 'm', '{}', 'prisma', '{}', ${value}, 'running', ${value}, ${value})`,
    );
    const store = await opened(url);
    expect((await store.getRun('theirs'))!.startTime.toISOString()).toBe('2026-01-02T03:04:05.678Z');
    const { id } = await store.createRun(newRun());
    await store.insertResults(newResults(id, 1));
    const [row] = await query(`SELECT "createdAt", typeof("createdAt") AS type FROM "EvalRun" WHERE "id" = ?`, [id]);
    if (form === 'integer') expect(row!.type).toBe('integer');
    else expect(row!.createdAt).toMatch(form);
    const { items } = await store.listRuns({ since: new Date('2026-01-02T03:04:05.678Z') });
    expect(items.map((run) => run.id)).toEqual([id, 'theirs']);
  });
});

describe('our own objects', () => {
  it('are refused when a later version has written them', async () => {
    const url = await sqlite.create();
    await (await opened(url)).close();
    const query = sqlite.client(url);
    await query(
      `INSERT INTO "ai_evals_migrations" ("version", "name", "checksum", "appliedAt", "oldestReader") VALUES (999, 'later', 'x', 0, 999)`,
    );
    const opening = EvalStore.open(url);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_SCHEMA', retryable: false });
    expect((await query('SELECT MAX("version") AS version FROM "ai_evals_migrations"'))[0]).toEqual({ version: 999 });
  });

  it('are not made with migrate check', async () => {
    const url = await sqlite.create();
    const database = new Database(pathOf(url));
    database.exec('CREATE TABLE other (x)');
    database.close();
    await expect(EvalStore.open(url, { migrate: 'check' })).rejects.toMatchObject({ code: 'ERR_STORE_SCHEMA' });
    expect(await sqlite.client(url)('SELECT name FROM sqlite_master')).toEqual([{ name: 'other' }]);
  });
});

describe('errors', () => {
  it.each([
    ['nonsense', /sqlite:PATH/],
    ['', /sqlite:/],
    ['mysql://host/db', /mysql/],
    ['postgres://host/db?sslmod=require', /sslmod/],
    ['sqlite:runs.db?cach=shared', /cach/],
  ])('name what is wrong with the URL %s', async (url, message) => {
    const opening = EvalStore.open(url);
    await expect(opening).rejects.toMatchObject({ name: 'StoreError', code: 'ERR_STORE_URL', retryable: false });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toBeInstanceOf(StoreError);
  });

  it('name host and port of a server that does not answer', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const opening = EvalStore.open(`postgres://u:geheim@127.0.0.1:${port}/db`, { acquireTimeout: 200 });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_CONNECT', retryable: true });
    await expect(opening).rejects.toThrow(`127.0.0.1:${port}`);
  });

  it('tell of a file that is no database', async () => {
    const path = join(directory(), 'runs.db');
    writeFileSync(path, 'this is not a database, and long enough to be read as one '.repeat(20));
    const opening = EvalStore.open(`sqlite:${path}`);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
    await expect(opening).rejects.toThrow(path);
  });

  it('tell of a folder that is not there', async () => {
    const path = join(directory(), 'no', 'runs.db');
    await expect(EvalStore.open(`sqlite:${path}`)).rejects.toThrow(path);
  });

  it('tell of a lock that another holds for too long, and the store works on', async () => {
    const url = await sqlite.create();
    const store = await opened(url, { lockTimeout: 50 });
    const { id } = await store.createRun(newRun());
    const other = sqlite.client(url);
    await other('BEGIN IMMEDIATE');
    await expect(store.insertResults(newResults(id, 1))).rejects.toMatchObject({
      ...{ code: 'ERR_STORE_BUSY', retryable: true, written: 0 },
    });
    await other('ROLLBACK');
    expect(await store.insertResults(newResults(id, 1))).toEqual({ inserted: 1, skipped: 0 });
  });

  it('do not come where the lock is let go in time', async () => {
    const url = await sqlite.create();
    const store = await opened(url);
    const { id } = await store.createRun(newRun());
    const other = sqlite.client(url);
    await other('BEGIN IMMEDIATE');
    const inserting = store.insertResults(newResults(id, 1));
    // Reading goes on meanwhile.
    expect(await store.getRun(id)).toMatchObject({ id });
    await other('COMMIT');
    expect(await inserting).toEqual({ inserted: 1, skipped: 0 });
  });

  it.skipIf(!canMount())('tell of a full disk, and the store works on', async () => {
    const disk = mount(2 << 20);
    try {
      const store = await EvalStore.open(`sqlite:${join(disk.path, 'runs.db')}`);
      const { id } = await store.createRun(newRun());
      await store.insertResults(newResults(id, 5));
      const large = Array.from({ length: 50 }, (_, n) => newResult(id, 100 + n, { input: 'x'.repeat(100_000) }));
      const inserting = store.insertResults(large, { batchSize: 50 });
      await expect(inserting).rejects.toMatchObject({ code: 'ERR_STORE_FULL', written: 0 });
      await expect(inserting).rejects.toThrow(disk.path);
      expect(await gathered(store.results(id))).toHaveLength(5);
      expect(await store.insertResults(newResults(id, 6))).toEqual({ inserted: 1, skipped: 5 });
      await store.close();
    } finally {
      disk.unmount();
    }
  });

  it.skipIf(!canMount())('tell of a read-only disk', async () => {
    const disk = mount(4 << 20);
    try {
      const url = `sqlite:${join(disk.path, 'runs.db')}`;
      await (await EvalStore.open(url)).close();
      disk.makeReadOnly();
      const failure = await EvalStore.open(url).then(
        async (store) => {
          const error = await store.createRun(newRun()).catch((thrown: unknown) => thrown);
          await store.close();
          return error;
        },
        (thrown: unknown) => thrown,
      );
      expect(failure).toMatchObject({ code: 'ERR_STORE_READ_ONLY' });
      expect((failure as Error).message).toContain(disk.path);
    } finally {
      disk.unmount();
    }
  });
});

describe('passwords', () => {
  const secret = 'g€heim/wort';
  const forms = [secret, encodeURIComponent(secret), encodeURI(secret), PASSWORD, encodeURIComponent(PASSWORD)];
  const shown = (value: unknown) =>
    `${inspect(value, { depth: 10, showHidden: true })} ${(value as Error).stack} ${String(value)}`;
  const clean = (value: unknown) => expect(forms.filter((form) => shown(value).includes(form))).toEqual([]);

  it('are in no error of a URL', async () => {
    for (const url of [
      `postgres://u:${secret}@127.0.0.1:1/db`,
      `postgres://u:${encodeURIComponent(secret)}@127.0.0.1:1/db?nope=1`,
      `postgres://127.0.0.1:1/db?user=u&password=${encodeURIComponent(secret)}`,
      `postgrs://u:${secret}@host/db`,
    ]) {
      clean(await EvalStore.open(url, { acquireTimeout: 100 }).catch((error: unknown) => error));
    }
    const options = { acquireTimeout: 100, password: async () => secret };
    clean(await EvalStore.open('postgres://u@127.0.0.1:1/db', options).catch((error: unknown) => error));
  });

  withServer('are in no error of a refusal, and not in the URL of a store', async () => {
    const url = await server.create();
    const name = new URL(url).pathname.slice(1);
    const refused = await EvalStore.open(server.url(name, secret)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'ERR_STORE_AUTH' });
    clean(refused);
    const store = await opened(url);
    clean(store);
    expect(store.url).not.toContain('p%40ss');
  });

  withServer('come from a function, which is asked before connecting', async () => {
    const url = await server.create();
    const plain = url.replace(/:[^:@/]+@/, '@');
    let asked = 0;
    const store = await opened(plain, {
      password: async () => {
        asked += 1;
        return PASSWORD;
      },
    });
    expect(asked).toBe(1);
    expect(await store.listRuns()).toMatchObject({ items: [] });
    await expect(EvalStore.open(plain, { password: () => 5 as never })).rejects.toThrow(TypeError);
  });
});

describe('setLogger', () => {
  it('tells of a wait for a lock, and of nothing any more once it is off', async () => {
    const events: StoreLogEvent[] = [];
    setLogger((event) => void events.push(event));
    onTestFinished(() => setLogger(undefined));
    const url = await sqlite.create();
    const store = await opened(url);
    const { id } = await store.createRun(newRun());
    const other = sqlite.client(url);
    const wait = async (n: number) => {
      await other('BEGIN IMMEDIATE');
      const inserting = store.insertResults(newResults(id, 1, n));
      await setTimeout(400);
      await other('COMMIT');
      await inserting;
    };
    await wait(0);
    await expect
      .poll(() => events.map(({ message }) => message), { timeout: 60_000 })
      .toContain('waited for the write lock');
    const event = events.find(({ message }) => message === 'waited for the write lock')!;
    expect(event).toMatchObject({
      target: 'ai_evals::store',
      time: expect.any(Date),
      fields: { ms: expect.any(Number) },
    });
    setLogger(undefined);
    events.length = 0;
    await wait(1);
    await setTimeout(50);
    expect(events).toEqual([]);
  });

  it('refuses what is no function', () => {
    expect(() => setLogger(5 as never)).toThrow(TypeError);
  });
});

describe('sqlite::memory:', () => {
  it('is one database for all connections, and gone afterwards', async () => {
    const store = await opened('sqlite::memory:');
    const { id } = await store.createRun(newRun());
    await Promise.all(Array.from({ length: 10 }, (_, n) => store.insertResults(newResults(id, 10, 10 * n))));
    expect(await gathered(store.results(id))).toHaveLength(100);
    expect((await (await opened('sqlite::memory:')).listRuns()).items).toEqual([]);
  });
});

describe('file:PATH', () => {
  it('is a path from the working directory', async () => {
    const name = `runs-${process.pid}.db`;
    const store = await opened(`file:./${name}`);
    try {
      expect(readFileSync(name).subarray(0, 15).toString()).toBe('SQLite format 3');
    } finally {
      await store.close();
      for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(name + ending, { force: true });
    }
  });
});
