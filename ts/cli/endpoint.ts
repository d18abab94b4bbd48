/** The model of a run, its address and its price: from the environment and the flags. */

import type { ChatEndpoint } from '../datasets/model/chat_client.js';
import { type Price, priceOf } from '../datasets/prices.js';
import { packageVersion } from '../package_root.js';
import { LOCAL_MODEL } from './local_model/rules_model.js';
import { LOCAL_LIMITS, type LocalServer, startLocalServer } from './local_model/server.js';
import type { RunOptions } from './run_options.js';
import { UserError } from './user_error.js';

/** A model, its address and its limits. */
export interface Endpoint extends ChatEndpoint {
  requestsPerMinute: number;
  tokensPerMinute: number;
  price: Price | undefined;
  /** Frees what was started for it. */
  close(): Promise<void>;
}

const OPENAI = 'https://api.openai.com/v1';
const OPENAI_MODEL = 'gpt-4o-mini';

/** The endpoint of a run; starts the local server when no provider is named. */
export async function openEndpoint(options: RunOptions, env: NodeJS.ProcessEnv): Promise<Endpoint> {
  const apiKey = keyOf(env);
  const base = env.OPENAI_BASE_URL?.trim() || undefined;
  const price = (model: string): Price | undefined =>
    options.priceIn === undefined || options.priceOut === undefined
      ? priceOf(model)
      : { input: options.priceIn, output: options.priceOut };
  if (options.local || (apiKey === undefined && base === undefined)) {
    const server = await startLocalServer();
    const model = options.model ?? LOCAL_MODEL;
    return {
      url: `${server.url}/chat/completions`,
      shown: `${server.url} (the local model server)`,
      // Its port is another each time; what it says may change with the package.
      identity: `local model of ${packageVersion()}`,
      apiKey: undefined,
      model,
      requestsPerMinute: options.requestsPerMinute ?? LOCAL_LIMITS.requestsPerMinute,
      tokensPerMinute: options.tokensPerMinute ?? LOCAL_LIMITS.tokensPerMinute,
      price: price(model),
      close: () => (server as LocalServer).close(),
    };
  }
  const url = chatUrl(base ?? OPENAI);
  const model = options.model ?? OPENAI_MODEL;
  return {
    url: url.href,
    shown: url.origin + url.pathname.replace(/\/chat\/completions$/, ''),
    identity: url.href,
    apiKey,
    model,
    requestsPerMinute: options.requestsPerMinute ?? 500,
    tokensPerMinute: options.tokensPerMinute ?? 150_000,
    price: price(model),
    close: async () => {},
  };
}

/** The key, fit for a header. An unfit one would otherwise be quoted by the error of `fetch`. */
function keyOf(env: NodeJS.ProcessEnv): string | undefined {
  const key = env.OPENAI_API_KEY?.trim();
  if (!key) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UserError('OPENAI_API_KEY holds characters that cannot be sent in a header; copy it again');
  }
  return key;
}

function chatUrl(base: string): URL {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UserError('OPENAI_BASE_URL must be a URL such as https://api.openai.com/v1');
  }
  if (url.username || url.password) throw new UserError('OPENAI_BASE_URL must not hold a user name or password');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/chat/completions`;
  url.hash = '';
  return url;
}
