/** The script of a worker thread that calls exported functions of modules. */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';

/** A function to call. */
export interface ModuleCall {
  url: string;
  exportName: string;
  args: readonly unknown[];
}

/** The outcome of a call. */
export type ModuleAnswer = { failed: false; value: unknown } | { failed: true; error: unknown };

const port = parentPort;

async function call({ url, exportName, args }: ModuleCall): Promise<unknown> {
  const exported = (await load(isAbsolute(url) ? pathToFileURL(url).href : url)) as Record<string, unknown>;
  // A CommonJS module's exports are in `default` when Node does not see their names.
  const fn = exported[exportName] ?? (exported.default as Record<string, unknown> | undefined)?.[exportName];
  if (typeof fn !== 'function') {
    throw new TypeError(`${url} exports no function ${exportName}; it exports ${Object.keys(exported).join(', ')}`);
  }
  return await fn(...args);
}

function answer(message: ModuleAnswer): void {
  try {
    port?.postMessage(message);
  } catch (error) {
    // What cannot be copied becomes the reason why.
    port?.postMessage({ failed: true, error: error instanceof Error ? new Error(error.message) : String(error) });
  }
}

/** An `import()` that TypeScript does not turn into `require`. */
const load = (specifier: string): Promise<unknown> => import(specifier);

port?.on('message', (message: ModuleCall) => {
  call(message).then(
    (value) => answer({ failed: false, value }),
    (error: unknown) => answer({ failed: true, error }),
  );
});
