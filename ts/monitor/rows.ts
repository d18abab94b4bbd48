/** The engine's rows of figures as objects. */
import type { CallTreeNode, ComponentTiming } from './report.js';

/** Figures per component. */
export const FIELDS = 10;
/** Figures per node of the call tree. */
export const TREE_FIELDS = 5;

/** One row of figures. Written flat: a report over a thousand components runs mostly in V8's interpreter. */
export function timingOf(names: readonly string[], row: ArrayLike<number>, at: number): Required<ComponentTiming> {
  return {
    component: names[row[at] as number] as string,
    totalCalls: row[at + 1] as number,
    totalDuration: row[at + 2] as number,
    avgDuration: row[at + 3] as number,
    minDuration: row[at + 4] as number,
    maxDuration: row[at + 5] as number,
    p50Duration: row[at + 6] as number,
    p95Duration: row[at + 7] as number,
    p99Duration: row[at + 8] as number,
    selfDuration: row[at + 9] as number,
  };
}

/** The call tree of rows in which parents come before children. */
export function treeOf(names: readonly string[], rows: Float64Array): CallTreeNode[] {
  const roots: CallTreeNode[] = [];
  const made: CallTreeNode[] = [];
  for (let at = 0; at < rows.length; at += TREE_FIELDS) {
    const node: CallTreeNode = {
      component: names[rows[at] as number] as string,
      calls: rows[at + 2] as number,
      totalDuration: rows[at + 3] as number,
      selfDuration: rows[at + 4] as number,
      children: [],
    };
    made.push(node);
    (made[rows[at + 1] as number]?.children ?? roots).push(node);
  }
  return pruned(roots);
}

/** Without nodes that have no finished calls, nor any below; longest first. */
function pruned(nodes: CallTreeNode[]): CallTreeNode[] {
  const kept: CallTreeNode[] = [];
  for (const node of nodes) {
    if (node.children.length > 0) node.children = pruned(node.children);
    if (node.calls > 0 || node.children.length > 0) kept.push(node);
  }
  return kept.sort((a, b) => b.totalDuration - a.totalDuration);
}

/** The name of the component whose average comes before every other's. */
export function extreme(timings: Required<ComponentTiming>[], before: (a: number, b: number) => boolean): string {
  let first = timings[0];
  for (const timing of timings) {
    if (first !== undefined && before(timing.avgDuration, first.avgDuration)) first = timing;
  }
  return first?.component ?? 'N/A';
}
