// A read-through cache around a database query. Rows come back as they went in: a Date stays a Date.
import assert from 'node:assert/strict';
import { QueryCache } from '@aah/ai-evals/performance';

interface StudentMetrics {
  studentId: string;
  gpa: number;
  updatedAt: Date;
}

const queryCache = new QueryCache({ maxSize: 200, ttl: 300000 });
let reads = 0;

async function readFromDatabase(studentId: string): Promise<StudentMetrics> {
  reads += 1;
  return { studentId, gpa: 3.4, updatedAt: new Date('2026-01-31T12:00:00Z') };
}

async function studentMetrics(studentId: string): Promise<StudentMetrics> {
  const cached = queryCache.get('student-metrics', { studentId });
  if (cached) return cached as StudentMetrics;
  const row = await readFromDatabase(studentId);
  queryCache.set('student-metrics', { studentId }, row);
  return row;
}

await studentMetrics('s-1');
const again = await studentMetrics('s-1');
await studentMetrics('s-2');
console.log(`${reads} reads for 3 questions; the row is of ${again.updatedAt.toISOString()}`);
assert.equal(reads, 2);
assert.ok(again.updatedAt instanceof Date);
