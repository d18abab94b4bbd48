/** `ai-evals serve`: the local model server alone, until Ctrl-C. */
import { FROM_0, PORT, readFlags } from './flags.js';
import { LOCAL_MODEL } from './local_model/rules_model.js';
import { startLocalServer } from './local_model/server.js';
import { UsageError, UserError } from './user_error.js';

const FLAGS = {
  port: { type: 'string' },
  latency: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Serves until SIGINT or SIGTERM; resolves to the exit code. */
export async function serve(args: string[]): Promise<number | 'help'> {
  const given = readFlags(args, FLAGS);
  if (given.on('help')) return 'help';
  if (given.positionals.length > 0) throw new UsageError(`serve takes no argument, got ${given.positionals[0]}`);
  const port = given.number('port', PORT) ?? 0;
  const latencyScale = given.number('latency', FROM_0) ?? 1;
  const server = await startLocalServer({ port, latencyScale }).catch((error: Error) => {
    throw new UserError(`port ${port} cannot be used: ${error.message}`, { cause: error });
  });
  const { url } = server;
  process.stdout.write(
    given.on('json')
      ? `${JSON.stringify({ url, model: LOCAL_MODEL })}\n`
      : `${LOCAL_MODEL} is served at ${url}\nOPENAI_BASE_URL=${url} ai-evals run --model ${LOCAL_MODEL}\n`,
  );
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
  return 0;
}
