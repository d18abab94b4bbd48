/** The one executor of a command, and the part of it that belongs to each run: its tasks, its limits and its events. */
import {
  type ExecutionMetrics,
  type ExecutionOptions,
  type ExecutionTask,
  ParallelExecutor,
  type TaskContext,
} from '../executor/index.js';
import type { Endpoint } from './endpoint.js';
import type { RunOptions } from './run_options.js';
import { throttleMeter } from './throttle_meter.js';

/** The events of a run's tasks. */
export interface LaneEvents {
  /** Another attempt follows. A refused call is repeated without being another attempt of its task. */
  onRetry(): void;
  /** A task failed for good. */
  onError(taskId: string, message: string): void;
}

type Executor = (task: ExecutionTask, context: TaskContext) => unknown;

type Settings = Pick<RunOptions, 'concurrency' | 'timeout' | 'retries'>;

/** The executor. Runs at one address share its limits. */
export class Lanes {
  readonly #executor: ParallelExecutor;
  readonly #lanes: Lane[] = [];
  readonly #throttled: () => number;

  /** Throws what the executor throws for settings that it refuses. */
  constructor({ concurrency, timeout, retries }: Settings, endpoints: readonly Endpoint[]) {
    const limits = endpoints.map(
      ({ identity, requestsPerMinute, tokensPerMinute }) => [identity, { requestsPerMinute, tokensPerMinute }] as const,
    );
    this.#executor = new ParallelExecutor({
      concurrency,
      rateLimit: limits[0]![1],
      limits: Object.fromEntries(limits),
      keyOf: ({ id }) => this.#lanes[laneOf(id)]?.key ?? limits[0]![0],
      timeout,
      retries: { maxAttempts: retries + 1 },
    });
    this.#throttled = throttleMeter(this.#executor);
    this.#executor.on('retry', ({ taskId }: { taskId: string }) => this.#lanes[laneOf(taskId)]?.events.onRetry());
    this.#executor.on('taskError', ({ taskId, error }: { taskId: string; error: { message: string } }) => {
      this.#lanes[laneOf(taskId)]?.events.onError(taskId.slice(taskId.indexOf(':') + 1), error.message);
    });
    this.#executor.on('throttle', ({ waitTime, key }: { waitTime: number; key?: string }) => {
      for (const lane of this.#lanes) if (key === undefined || lane.key === key) lane.holdBack(waitTime);
    });
  }

  /** Returns the figures of the calls of all runs. */
  metrics(): ExecutionMetrics {
    return this.#executor.getMetrics();
  }

  /** Returns the part of a run. */
  open(endpoint: Endpoint, events: LaneEvents): Lane {
    const lane = new Lane(this.#executor, this.#lanes.length, endpoint.identity, events, this.#throttled);
    this.#lanes.push(lane);
    return lane;
  }
}

/** The number of the lane, by the id of a task in it. */
function laneOf(taskId: string): number {
  return Number(taskId.slice(0, taskId.indexOf(':')));
}

/** The executor as one run sees it. */
export class Lane {
  /** The key of the limits that hold. */
  readonly key: string;
  readonly events: LaneEvents;
  /** Milliseconds that limits held calls of the whole command back, so far. */
  readonly throttled: () => number;
  readonly #executor: ParallelExecutor;
  readonly #prefix: string;
  #asked = 0;
  #heldUntil = 0;

  constructor(executor: ParallelExecutor, number: number, key: string, events: LaneEvents, throttled: () => number) {
    this.#executor = executor;
    this.#prefix = `${number}:`;
    this.key = key;
    this.events = events;
    this.throttled = throttled;
  }

  /** Returns the id of a task among those of all runs. */
  taskId(id: string): string {
    return `${this.#prefix}${id}`;
  }

  /** Runs tasks, whose ids {@link taskId} gave. */
  get stream(): ParallelExecutor['executeTasksStreaming'] {
    return this.#executor.executeTasksStreaming.bind(this.#executor);
  }

  /** Runs one call. */
  add<T>(call: (context: TaskContext) => Promise<T>): Promise<T> {
    this.#asked += 1;
    return this.#executor.add(call, { id: this.taskId(`call-${this.#asked}`), key: this.key });
  }

  /** The executor for judges, whose tasks are told apart from those of other runs. They use nothing else of it. */
  get forJudges(): ParallelExecutor {
    const executeTasks = (tasks: ExecutionTask[], ...rest: [run: Executor, options?: ExecutionOptions]) =>
      this.#executor.executeTasks(
        tasks.map((task) => ({ ...task, id: this.taskId(task.id) })),
        ...rest,
      );
    return { executeTasks } as unknown as ParallelExecutor;
  }

  /** Notes that no call starts for so many milliseconds. */
  holdBack(milliseconds: number): void {
    this.#heldUntil = performance.now() + milliseconds;
  }

  /** Milliseconds a start is being held back for now, 0 when none is. */
  heldBack(): number {
    return Math.max(0, this.#heldUntil - performance.now());
  }
}
