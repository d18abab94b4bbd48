/** Runs, results, metrics and baselines in SQLite or PostgreSQL. */
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import {
  callable,
  signal as checkedSignal,
  options as checkOptions,
  positiveInteger,
  string,
  wrongType,
} from '../arguments.js';
import { QueryCache } from '../cache/index.js';
import { turnDue } from '../event_loop_turn.js';
import { guarded, native } from '../native.js';
import { argumentId, MAX_INT, placeOf } from './columns.js';
import { exportFormat, exportRows } from './export_file.js';
import { type Batch, type GivenRow, packedBatches, type RowSource, rowSource } from './insertion.js';
import { readJson } from './json_reader.js';
import { openOptions, type PasswordSource } from './open_options.js';
import type { PackedResults } from './result_batch.js';
import { type ResultRows, resultRows } from './result_rows.js';
import * as form from './run_json.js';
import { BufferedRunWriter, type RunWriter } from './run_writer.js';
import { closed, engine, fromStore, isTransient, markUncertain, StoreError, withWritten } from './store_error.js';
import type {
  EvalBaseline,
  EvalMetrics,
  EvalResult,
  EvalRun,
  ExportOptions,
  InsertOptions,
  NewBaseline,
  NewMetrics,
  NewResult,
  NewRun,
  Page,
  PageRequest,
  ResultFilter,
  ResultKey,
  RunComparison,
  RunEnd,
  RunFilter,
  StoreOptions,
  StorePoolStats,
  StoreSchema,
  WriterOptions,
} from './types.js';

type NativeStore = Awaited<ReturnType<typeof native.openStore>>;
type NativeTransaction = Awaited<ReturnType<NativeStore['begin']>>;

/** Rows of one call of the engine: more would hold up the event loop while their text is parsed. */
const ROWS_A_CALL = 250;
const KEYS_A_CALL = 1000;
const BATCH_SIZE = 1000;
/** Kind of the documents that are baselines of the performance monitor. */
const MONITOR = 'monitor';

/**
 * A store of evaluation runs in a SQLite file or a PostgreSQL database, in the tables that Prisma users have.
 *
 * ```ts
 * await using store = await EvalStore.open('sqlite:.ai-evals/runs.db');
 * const run = await store.createRun({ datasetId: 'triage', datasetVersion: '3', modelId: 'openai/gpt-4' });
 * await store.insertResults(results.map((result) => ({ ...result, runId: run.id })));
 * await store.finishRun(run.id);
 * ```
 *
 * Every method may reject with a {@link StoreError}; the store works on after it. An open store keeps no process alive.
 */
export class EvalStore {
  /** The URL, without secrets. */
  readonly url: string;
  readonly backend: 'sqlite' | 'postgres';
  readonly #native: NativeStore;
  readonly #passwordSource: PasswordSource | undefined;
  readonly #maxRowBytes: number;
  /** Longest time, in milliseconds, that transactions are repeated for. */
  readonly #acquireTimeout: number;
  readonly #cache = new QueryCache();
  /** Calls of several batches, which `close` waits for. */
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #writers = new Set<RunWriter>();
  #closing: Promise<void> | undefined;

  private constructor(
    store: NativeStore,
    passwordSource: PasswordSource | undefined,
    maxRowBytes: number,
    acquireTimeout: number,
  ) {
    this.#native = store;
    this.#passwordSource = passwordSource;
    this.#maxRowBytes = maxRowBytes;
    this.#acquireTimeout = acquireTimeout;
    this.url = store.url;
    this.backend = store.backend as EvalStore['backend'];
  }

  /**
   * Opens a store, and makes its tables where there are none.
   *
   * - `sqlite:PATH`, `file:PATH`: a file, from the working directory; `sqlite::memory:` holds nothing beyond `close`.
   * - `postgres://USER@HOST/DATABASE`: with `sslmode`, `sslrootcert`, `connect_timeout`, `application_name` and Prisma's
   *   `schema`, `connection_limit`, `pool_timeout` and `pgbouncer=true`.
   *
   * Rejects with `ERR_STORE_URL`, `_CONNECT`, `_AUTH`, `_TLS`, `_SCHEMA` and others; then nothing is left open.
   */
  static async open(url: string | URL, options?: StoreOptions): Promise<EvalStore> {
    const { engine: given, password, maxRowBytes } = openOptions(url, options);
    const source = typeof password === 'function' ? password : undefined;
    const text = source ? passwordText(await source()) : (password as string | undefined);
    const store = await engine(native.openStore(JSON.stringify({ ...given, password: text })));
    return new EvalStore(store, source, maxRowBytes, given.acquireTimeout ?? 30_000);
  }

  /** Returns the DDL of a backend's tables, for those who create them with tools of their own. */
  static schemaSql(backend: 'sqlite' | 'postgres'): string {
    return guarded(() => native.schemaSql(string('backend', backend)));
  }

  /** Returns what `open` found or made. */
  schema(): StoreSchema {
    return JSON.parse(this.#sync((store) => store.schema())) as StoreSchema;
  }

  /** Returns the connections of this moment. O(1). */
  poolStats(): StorePoolStats {
    const [max = 0, size = 0, idle = 0, waiting = 0] = this.#sync((store) => store.poolStats());
    return { max, size, idle, waiting };
  }

  /** Waits for what is under way, writers included, and closes. Afterwards every call rejects with `ERR_CLOSED`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Calls {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Creates a run and holds it for this process until `finishRun`, `close`, or the process ends. Rejects with
   * `ERR_STORE_CONFLICT` when there is a run of this id.
   */
  async createRun(run: NewRun): Promise<EvalRun> {
    const text = form.newRunText(run);
    return form.readRun(await this.#write((store) => store.createRun(text)));
  }

  /** Resolves to a run; `undefined` when there is none. */
  async getRun(id: string): Promise<EvalRun | undefined> {
    argumentId('id', id);
    const text = await this.#call((store) => store.getRun(id));
    return text === null ? undefined : form.readRun(text);
  }

  /** Removes a run with its results and metrics. Resolves to whether it was there. */
  async deleteRun(id: string): Promise<boolean> {
    argumentId('id', id);
    return this.#write((store) => store.deleteRun(id));
  }

  /**
   * Stores results, `batchSize` of them in a transaction. Resolves when all are durable. Doing it again is safe: a row whose
   * (`runId`, `testCaseId`, `repeat`) is there is skipped.
   *
   * When it rejects, the first `error.written` rows are stored. An {@link ArgumentTypeError} or {@link ArgumentRangeError}
   * has `row` and `column`, and nothing of that row's batch was sent. Memory: two batches.
   */
  async insertResults(
    rows: Iterable<NewResult> | AsyncIterable<NewResult>,
    options?: InsertOptions,
  ): Promise<{ inserted: number; skipped: number }> {
    const source = rowSource('rows', rows);
    const { skipDuplicates = true, atomic = false, batchSize = BATCH_SIZE, signal } = checkOptions('options', options);
    checkFlag('skipDuplicates', skipDuplicates);
    checkFlag('atomic', atomic);
    positiveInteger('batchSize', batchSize, 10_000);
    checkedSignal('signal', signal);
    const pack = () => packedBatches(source, { name: 'rows', batchSize, maxRowBytes: this.#maxRowBytes, signal });
    return this.#track(() => {
      if (!atomic) return this.#insertBatches(pack(), skipDuplicates);
      return this.#insertAtomically(source, pack, skipDuplicates).catch((error) => {
        throw withWritten(error, 0);
      });
    });
  }

  /** Returns a writer for results of one run that come one by one. */
  writer(runId: string, options?: WriterOptions): RunWriter {
    argumentId('runId', runId);
    if (this.#closing) throw closed('the store');
    const insert = (packed: PackedResults) => this.#write((store) => insertPacked(store, packed, true));
    const writer: RunWriter = new BufferedRunWriter(runId, { maxRowBytes: this.#maxRowBytes, insert }, options);
    this.#writers.add(writer);
    return {
      write: (row) => writer.write(row),
      close: () => writer.close().finally(() => this.#writers.delete(writer)),
    };
  }

  /**
   * Stores a whole run with its results and metrics in one transaction: all or none of it. Its status is `completed` unless
   * another is given. Figures that `metrics` leaves out are computed from the results.
   */
  async saveRun(all: {
    run: NewRun;
    results: Iterable<Omit<NewResult, 'runId'> & { runId?: string }>;
    metrics?: NewMetrics | undefined;
  }): Promise<EvalRun> {
    const { run, results, metrics } = checkOptions('all', all);
    const runText = form.newRunText(run as NewRun, 'run');
    const source = rowSource('results', results as Iterable<GivenRow>);
    const metricsText = metrics === undefined ? null : form.newMetricsText(metrics);
    return this.#track(() =>
      this.#transaction(Array.isArray(results), async (transaction) => {
        const saved = form.readRun(await engine(transaction.createRun(runText)));
        const options = { name: 'results', batchSize: BATCH_SIZE, maxRowBytes: this.#maxRowBytes, runId: saved.id };
        for await (const { packed, first } of packedBatches(ofRun(source, saved.id), options)) {
          await moved(insertPacked(transaction, packed, true), first);
        }
        await engine(transaction.setMetrics(saved.id, metricsText));
        return saved;
      }),
    );
  }

  /**
   * Ends a run, computes its metrics and lets go of it. Resolves to the run. Doing it again changes nothing. Rejects with
   * `ERR_STORE_NOT_FOUND` when there is no such run.
   */
  async finishRun(id: string, end?: RunEnd): Promise<EvalRun> {
    argumentId('id', id);
    const text = form.runEndText(end);
    return form.readRun(await this.#write((store) => store.finishRun(id, text)));
  }

  /**
   * Takes up a run that was left unfinished, and holds it for this process.
   *
   * Rejects with `ERR_STORE_RUN_MISMATCH`, with `differences`, when dataset id or version, model, modelConfig or scorerConfig
   * are not those of `expected`; with `ERR_STORE_RUN_BUSY` while another process holds it. `force` overrides both.
   */
  async resumeRun(id: string, expected: NewRun, options?: { force?: boolean | undefined }): Promise<EvalRun> {
    argumentId('id', id);
    const text = form.newRunText(expected, 'expected');
    const { force = false } = checkOptions('options', options);
    checkFlag('force', force);
    return form.readRun(await this.#write((store) => store.resumeRun(id, text, force)));
  }

  /** Resolves to one byte a key: 1 when the run has a result of it. */
  async have(runId: string, keys: readonly ResultKey[]): Promise<Uint8Array> {
    argumentId('runId', runId);
    if (!Array.isArray(keys)) wrongType('keys', 'an array of keys', keys);
    const found = new Uint8Array(keys.length);
    for (let at = 0; at < keys.length; at += KEYS_A_CALL) {
      const { ids, lengths, repeats } = packedKeys(keys, at, Math.min(keys.length, at + KEYS_A_CALL));
      found.set(await this.#call((store) => store.have(runId, ids, lengths, repeats)), at);
      const due = turnDue();
      if (due) await due;
    }
    return found;
  }

  /** Resolves to the figures of a finished run; `undefined` when there are none. */
  async metrics(runId: string): Promise<EvalMetrics | undefined> {
    argumentId('runId', runId);
    const text = await this.#call((store) => store.metrics(runId));
    return text === null ? undefined : form.readMetrics(text);
  }

  /** Compares two runs by test case and repeat. Rejects with `ERR_STORE_NOT_FOUND` when one of them is not there. */
  async compareRuns(a: string, b: string): Promise<RunComparison> {
    argumentId('a', a);
    argumentId('b', b);
    return JSON.parse(await this.#call((store) => store.compareRuns(a, b))) as RunComparison;
  }

  /** Lists runs, newest first. A page costs the same wherever it is. */
  async listRuns(filter?: RunFilter, page?: PageRequest): Promise<Page<EvalRun>> {
    const request = form.pageRequest(page);
    return this.#pages(request, form.asRun, (limit, cursor) => {
      const query = form.runQuery(filter, { cursor }, limit);
      return this.#call((store) => store.listRuns(query));
    });
  }

  /**
   * Lists results of a run. Pages hold every row that was there at the first one, once, whatever is stored meanwhile. A page
   * costs the same wherever it is. The cursor of another query is an {@link ArgumentRangeError}.
   */
  async listResults(runId: string, filter?: ResultFilter, page?: PageRequest): Promise<Page<EvalResult>> {
    argumentId('runId', runId);
    return this.#listResults(runId, form.resultFilter(filter), form.pageRequest(page));
  }

  /** Returns an iterable over the results of a run. It reads as they are taken, and holds one batch. */
  results(runId: string, filter?: ResultFilter): ResultRows {
    argumentId('runId', runId);
    const checked = form.resultFilter(filter);
    return resultRows((limit, cursor) => this.#listResults(runId, checked, { limit, cursor }));
  }

  /** Sets a baseline, in place of one of the same name. */
  async setBaseline(baseline: NewBaseline): Promise<EvalBaseline> {
    const text = form.newBaselineText(baseline);
    return form.asBaseline(JSON.parse(await this.#write((store) => store.setBaseline(text))) as EvalBaseline);
  }

  /** Resolves to the newest active baseline of a dataset; `undefined` when there is none. */
  async activeBaseline(filter: { datasetId: string; modelId?: string | undefined }): Promise<EvalBaseline | undefined> {
    const { datasetId, modelId } = checkOptions('filter', filter);
    const query = JSON.stringify({
      datasetId: argumentId('filter.datasetId', datasetId),
      modelId: modelId === undefined ? undefined : argumentId('filter.modelId', modelId),
    });
    const text = await this.#call((store) => store.activeBaseline(query));
    return text === null ? undefined : form.asBaseline(JSON.parse(text) as EvalBaseline);
  }

  /** Lists all baselines, newest first. */
  async listBaselines(): Promise<EvalBaseline[]> {
    const text = await this.#call((store) => store.listBaselines());
    return (JSON.parse(text) as EvalBaseline[]).map(form.asBaseline);
  }

  /** Keeps a baseline of the performance monitor: `monitor.saveBaseline(store, id)` calls it. */
  async saveMonitorBaseline(id: string, document: string): Promise<void> {
    const checked = [string('id', id), string('document', document)] as const;
    await this.#write((store) => store.setDocument(MONITOR, ...checked));
  }

  /**
   * Resolves to a baseline of the performance monitor, or to the one saved last; to `undefined` when there is none.
   * `monitor.loadBaseline(store, id)` calls it.
   */
  async loadMonitorBaseline(id?: string): Promise<string | undefined> {
    const name = id == null ? await this.#lastDocument(MONITOR) : string('id', id);
    if (name === undefined) return undefined;
    return (await this.#call((store) => store.document(MONITOR, name))) ?? undefined;
  }

  async #lastDocument(kind: string): Promise<string | undefined> {
    const text = await this.#call((store) => store.listDocuments(kind));
    const documents = JSON.parse(text) as { name: string; updatedAt: number }[];
    return documents.sort((a, b) => b.updatedAt - a.updatedAt)[0]?.name;
  }

  /**
   * Writes the results of a run to a file, in the order of the dataset, and resolves to their number. The file takes its name
   * when it is whole. In CSV a text that a spreadsheet would take for a formula gets an apostrophe before it.
   */
  async export(runId: string, file: string | URL, options?: ExportOptions): Promise<number> {
    const format = exportFormat(file, checkOptions('options', options).format);
    if ((await this.getRun(runId)) === undefined) {
      throw new StoreError('ERR_STORE_NOT_FOUND', `there is no run ${JSON.stringify(runId)} in ${this.url}`);
    }
    return exportRows(this.results(runId, { order: 'dataset' }), file, format);
  }

  /**
   * Resolves to the result of a read, kept for five minutes by the text of `query` and the content of `params`. Callers that
   * ask at the same time share one read. Every write of this store drops all of it; writes of other processes do not.
   */
  cached<T>(query: string, params: unknown, read: () => Promise<T>): Promise<T> {
    callable('read', read);
    return this.#cache.getOrCompute(query, params, read) as Promise<T>;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#writers].map((writer) => writer.close()));
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    this.#cache.clear();
    await engine(this.#native.close());
  }

  #sync<T>(call: (store: NativeStore) => T): T {
    try {
      return call(this.#native);
    } catch (error) {
      throw fromStore(error);
    }
  }

  /** Calls the engine. Where the server refuses a password that a function gave, the function is asked once more. */
  async #call<T>(call: (store: NativeStore) => Promise<T>): Promise<T> {
    try {
      return await engine(call(this.#native));
    } catch (failure) {
      const refused = failure instanceof StoreError && failure.code === 'ERR_STORE_AUTH';
      if (!refused || !this.#passwordSource) throw failure;
    }
    this.#native.setPassword(passwordText(await this.#passwordSource()));
    return engine(call(this.#native));
  }

  /** Calls the engine for a write: what was read before is not given any more. */
  async #write<T>(call: (store: NativeStore) => Promise<T>): Promise<T> {
    try {
      return await this.#call(call);
    } finally {
      this.#cache.clear();
    }
  }

  /** Runs a call of several batches, which `close` waits for. */
  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw closed('the store');
    const run = work();
    const ended = run.catch(() => {});
    this.#underWay.add(ended);
    try {
      return await run;
    } finally {
      this.#underWay.delete(ended);
    }
  }

  /** Stores batches one after the other; the next is packed while one is under way. */
  async #insertBatches(
    batches: ReturnType<typeof packedBatches>,
    skipDuplicates: boolean,
  ): Promise<{ inserted: number; skipped: number }> {
    const counts = { inserted: 0, skipped: 0 };
    let written = 0;
    let underWay: Promise<void> = Promise.resolve();
    const send = async (packed: PackedResults, first: number): Promise<void> => {
      const insertion = this.#write((store) => insertPacked(store, packed, skipDuplicates));
      const { inserted, skipped } = await moved(insertion, first);
      counts.inserted += inserted;
      counts.skipped += skipped;
      written += packed.rows;
    };
    try {
      for await (const { packed, first } of batches) {
        await underWay;
        underWay = send(packed, first);
        // It is awaited later; until then nobody listens.
        underWay.catch(() => {});
      }
      await underWay;
      return counts;
    } catch (error) {
      const earlier = await underWay.then(
        () => undefined,
        (failure: unknown) => ({ failure }),
      );
      throw withWritten(earlier ? earlier.failure : error, written);
    }
  }

  /** Packs the rows of an asynchronous source before the transaction begins, so that a slow one does not hold the lock. */
  async #insertAtomically(
    source: RowSource,
    pack: () => ReturnType<typeof packedBatches>,
    skipDuplicates: boolean,
  ): Promise<{ inserted: number; skipped: number }> {
    const gathered: Batch[] | undefined = Symbol.asyncIterator in source ? [] : undefined;
    if (gathered) for await (const batch of pack()) gathered.push(batch);
    return this.#transaction(gathered !== undefined || Array.isArray(source), async (transaction) => {
      const counts = { inserted: 0, skipped: 0 };
      for await (const { packed, first } of gathered ?? pack()) {
        const { inserted, skipped } = await moved(insertPacked(transaction, packed, skipDuplicates), first);
        counts.inserted += inserted;
        counts.skipped += skipped;
      }
      return counts;
    });
  }

  /** Runs a transaction. One that can be repeated is, after a deadlock or a lost connection. */
  async #transaction<T>(canRepeat: boolean, work: (transaction: NativeTransaction) => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#acquireTimeout;
    for (let pause = 10; ; pause = Math.min(2 * pause, 1000)) {
      try {
        return await this.#attempt(work);
      } catch (error) {
        if (!canRepeat || !isTransient(error) || performance.now() + pause >= deadline) throw error;
      }
      await setTimeout(pause);
    }
  }

  async #attempt<T>(work: (transaction: NativeTransaction) => Promise<T>): Promise<T> {
    const transaction = await this.#call((store) => store.begin());
    try {
      const done = await work(transaction);
      await engine(transaction.commit()).catch((error) => {
        markUncertain(error);
        throw error;
      });
      return done;
    } catch (error) {
      await transaction.rollback().catch(() => {});
      throw error;
    } finally {
      this.#cache.clear();
    }
  }

  async #listResults(
    runId: string,
    filter: ResultFilter,
    page: { limit: number; cursor: string | undefined },
  ): Promise<Page<EvalResult>> {
    return this.#pages(page, form.asResult, (limit, cursor) => {
      const query = JSON.stringify({ filter, limit, cursor });
      return this.#call((store) => store.listResults(runId, query));
    });
  }

  /** Puts a page together from parts: the engine may end one early, and a long text would hold up the event loop. */
  async #pages<T>(
    { limit, cursor }: { limit: number; cursor: string | undefined },
    asItem: (item: T) => T,
    read: (limit: number, cursor: string | undefined) => Promise<string | Buffer>,
  ): Promise<Page<T>> {
    const items: T[] = [];
    let next = cursor;
    do {
      const text = await read(Math.min(limit - items.length, ROWS_A_CALL), next);
      const part = (typeof text === 'string' ? JSON.parse(text) : await readJson(text)) as Page<T>;
      for (const item of part.items) items.push(asItem(item));
      next = part.next;
    } while (next !== undefined && items.length < limit);
    return { items, next };
  }
}

async function insertPacked(
  target: NativeStore | NativeTransaction,
  { pieces, units, lengths, numbers }: PackedResults,
  skipDuplicates: boolean,
): Promise<{ inserted: number; skipped: number }> {
  const texts = guarded(() => new native.BatchText(units));
  for (const piece of pieces) {
    texts.push(piece);
    const due = turnDue();
    if (due) await due;
  }
  const told = await engine(target.insertResults(texts, lengths, numbers, skipDuplicates));
  return JSON.parse(told) as { inserted: number; skipped: number };
}

/** Resolves as `insertion` does; the place of a row in its error becomes that in the call. */
async function moved<T>(insertion: Promise<T>, first: number): Promise<T> {
  try {
    return await insertion;
  } catch (error) {
    const { row } = error as { row?: number };
    throw row === undefined ? error : Object.assign(error as Error, { row: row + first });
  }
}

/** Refuses a row of another run. */
async function* ofRun(rows: Iterable<GivenRow> | AsyncIterable<GivenRow>, runId: string): AsyncGenerator<GivenRow> {
  let place = 0;
  for await (const row of rows) {
    const given = (row as GivenRow | null)?.runId;
    if (given !== undefined && given !== runId) {
      wrongType(placeOf({ name: 'results', row: place }, 'runId'), 'left out, or the id of the run', given);
    }
    yield row;
    place += 1;
  }
}

function packedKeys(keys: readonly ResultKey[], from: number, to: number) {
  const texts: string[] = [];
  const lengths = new Uint32Array(to - from);
  const repeats = new Float64Array(to - from);
  for (let at = from; at < to; at += 1) {
    const key: unknown = keys[at];
    if (typeof key !== 'object' || key === null) wrongType(`keys[${at}]`, 'an object with testCaseId', key);
    const { testCaseId, repeat = 0 } = key as ResultKey;
    const id = argumentId(`keys[${at}].testCaseId`, testCaseId);
    const isCount = Number.isInteger(repeat) && repeat >= 0 && repeat <= MAX_INT;
    repeats[at - from] = isCount ? repeat : positiveInteger(`keys[${at}].repeat`, repeat, MAX_INT);
    lengths[at - from] = id.length;
    texts.push(id);
  }
  return { ids: texts.join(''), lengths, repeats };
}

function passwordText(password: unknown): string {
  return typeof password === 'string' ? password : wrongType('password()', 'a text', typeof password);
}

function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') wrongType(name, 'a boolean', value);
}
