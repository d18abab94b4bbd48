/** Servers that stop, connections that are cut and transactions that are refused, with a real PostgreSQL. */
import { StoreError, type StoreLogEvent, setLogger } from '@aah/ai-evals/store';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { gathered, newResult, newResults, newRun, opened, postgres } from './backends.js';

const server = await postgres();
afterAll(() => server.stop());

const cut = (url: string) =>
  server.client(url)(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );

const database = async () => {
  const url = await server.create();
  const store = await opened(url);
  const { id } = await store.createRun(newRun());
  return { url, store, id, query: server.client(url) };
};

const placed = async (rows: AsyncIterable<{ index?: number | null | undefined }>) =>
  (await gathered(rows)).map(({ index }) => index);
const places = (count: number) => Array.from({ length: count }, (_, n) => n);

describe.skipIf(server.missing !== undefined)('a connection that is lost', () => {
  it('between batches costs nothing', async () => {
    const { url, store, id } = await database();
    async function* source() {
      for (const row of newResults(id, 500)) {
        if (row.index! % 100 === 50) await cut(url);
        yield row;
      }
    }
    const { inserted, skipped } = await store.insertResults(source(), { batchSize: 50 });
    expect(inserted + skipped).toBe(500);
    expect(await placed(store.results(id))).toEqual(places(500));
  });

  it('while many calls are made fails none of them', async () => {
    const { url, store, id } = await database();
    const calls = places(40).map((n) => store.insertResults([newResult(id, n)]));
    await cut(url);
    const reads = places(10).map(() => store.getRun(id));
    await cut(url);
    await Promise.all(calls);
    for (const run of await Promise.all(reads)) expect(run).toMatchObject({ id });
    expect(await placed(store.results(id))).toEqual(places(40));
  });

  it('with the server, which starts again, costs nothing', async () => {
    const { store, id } = await database();
    async function* source() {
      for (const row of newResults(id, 90)) {
        if (row.index === 45) await server.restart();
        yield row;
      }
    }
    await store.insertResults(source(), { batchSize: 30 });
    const writer = store.writer(id);
    const writes = places(20).map((n) => writer.write(newResult(id, 90 + n)));
    await server.restart();
    await Promise.all(writes);
    await writer.close();
    expect(await placed(store.results(id))).toEqual(places(110));
    expect(await store.finishRun(id)).toMatchObject({ status: 'completed' });
  });

  it('within a transaction has it repeated where the rows are an array', async () => {
    const { url, store } = await database();
    let reads = 0;
    const rows = newResults('whole', 2500);
    const cutting = Object.defineProperty({ ...rows[2000]! }, 'input', {
      enumerable: true,
      get: () => {
        reads += 1;
        if (reads === 1) void cut(url);
        return 'x';
      },
    });
    rows[2000] = cutting;
    const saved = await store.saveRun({ run: newRun({ id: 'whole' }), results: rows });
    expect(saved).toMatchObject({ id: 'whole' });
    expect(await placed(store.results('whole'))).toEqual(places(2500));
    expect(await store.metrics('whole')).toMatchObject({ totalTests: 2500 });
  });

  it('within a transaction whose rows are gone leaves nothing of it', async () => {
    const { url, store, id } = await database();
    async function* source() {
      for (const row of newResults('torn', 1500)) {
        if (row.index === 1200) await cut(url);
        yield row;
      }
    }
    const saving = store.saveRun({ run: newRun({ id: 'torn' }), results: source() as never });
    await expect(saving).rejects.toBeInstanceOf(StoreError);
    await expect(saving).rejects.toMatchObject({ code: 'ERR_STORE_CONNECT', retryable: true });
    expect(await store.getRun('torn')).toBeUndefined();
    expect(await store.insertResults(newResults(id, 3))).toEqual({ inserted: 3, skipped: 0 });
  });
});

describe.skipIf(server.missing !== undefined)('a transaction that the server refuses', () => {
  /** Makes the first `times` insertions of results fail with a SQLSTATE; a sequence counts, which no rollback undoes. */
  const failing = async (query: (sql: string) => Promise<unknown>, state: string, times: number) => {
    await query('CREATE SEQUENCE attempts');
    await query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('attempts') <= ${times} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '${state}'; END IF;
      RETURN NULL; END $$`);
    await query('CREATE TRIGGER refusing BEFORE INSERT ON "EvalResult" EXECUTE FUNCTION refuse()');
  };

  it.each([
    ['a deadlock', '40P01'],
    ['a serialization failure', '40001'],
  ])('is repeated: %s', async (_, state) => {
    const { store, id, query } = await database();
    await failing(query, state, 2);
    const events: StoreLogEvent[] = [];
    setLogger((event) => void events.push(event));
    onTestFinished(() => setLogger(undefined));
    expect(await store.insertResults(newResults(id, 5))).toEqual({ inserted: 5, skipped: 0 });
    await expect.poll(() => events.filter(({ message }) => message === 'retry')).toHaveLength(2);
    const all = { run: newRun({ id: 'whole' }), results: newResults('whole', 5) };
    await query('ALTER SEQUENCE attempts RESTART');
    expect(await store.saveRun(all)).toMatchObject({ id: 'whole' });
  });

  it('is given up after acquireTimeout', async () => {
    const url = await server.create();
    const store = await opened(url, { acquireTimeout: 100 });
    const { id } = await store.createRun(newRun());
    await failing(server.client(url), '40001', 1e9);
    const inserting = store.insertResults(newResults(id, 5));
    await expect(inserting).rejects.toMatchObject({
      code: 'ERR_STORE_BUSY',
      retryable: true,
      written: 0,
      sqlState: '40001',
    });
    const saving = store.saveRun({ run: newRun({ id: 'whole' }), results: newResults('whole', 5) });
    await expect(saving).rejects.toMatchObject({ code: 'ERR_STORE_BUSY', retryable: true });
    expect(await store.getRun('whole')).toBeUndefined();
  });
});

describe.skipIf(server.missing !== undefined)('the hold of a run', () => {
  it.each([
    [15_000, 'ERR_STORE_RUN_BUSY'],
    [31_000, undefined],
  ])('of a process elsewhere that was last seen %i ms ago', async (age, code) => {
    const { store, id, query } = await database();
    await query(`UPDATE ai_evals.run_owner SET "owner" = 'elsewhere/1/2', "heartbeatAt" = ${Date.now() - age}`);
    const resuming = store.resumeRun(id, newRun());
    if (code) await expect(resuming).rejects.toMatchObject({ code, retryable: true });
    else expect(await resuming).toMatchObject({ id });
  });
});

describe.skipIf(server.missing !== undefined)('durability', () => {
  it.each([
    ['process', 'off'],
    ['power', 'on'],
  ] as const)('%s commits with synchronous_commit %s where the database has it off', async (durability, expected) => {
    const url = await server.create();
    const query = server.client(url);
    await query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = off`);
    await (await opened(url)).close();
    await query('CREATE TABLE seen (setting TEXT)');
    await query(`CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`);
    await query('CREATE TRIGGER seeing AFTER INSERT ON "EvalRun" EXECUTE FUNCTION see()');
    for (const parameters of ['', '?pgbouncer=true']) {
      await (await opened(url + parameters, { durability })).createRun(newRun());
    }
    expect(await query('SELECT setting FROM seen')).toEqual([{ setting: expected }, { setting: expected }]);
  });
});
