/** The states of a job, and the ways between them. */
import type { JobStatus } from './types.js';

/**
 * The states that each state may be left for.
 *
 * - `completed` and `cancelled` are final.
 * - A job whose check fails before its first call goes from `pending` to `failed`.
 * - A `failed` job may run again: at once, or as `pending` where it has to wait for others.
 */
const NEXT: Record<JobStatus, readonly JobStatus[]> = {
  pending: ['running', 'failed', 'cancelled'],
  running: ['completed', 'failed', 'cancelled'],
  failed: ['pending', 'running'],
  completed: [],
  cancelled: [],
};

/** All states. */
export const JOB_STATUSES = Object.keys(NEXT) as JobStatus[];

/** Returns whether a job may go from one state to another. */
export function mayBecome(from: JobStatus, to: JobStatus): boolean {
  return NEXT[from].includes(to);
}

/** Returns whether a job is at its end, as far as it was executed. */
export function isEnded(status: JobStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
