/** The models of a command, their addresses and prices: from the environment, the configuration and the flags. */

import { type Price, priceOf } from '../datasets/prices.js';
import { packageVersion } from '../package_root.js';
import { LOCAL_MODEL } from './local_model/rules_model.js';
import { LOCAL_LIMITS, type LocalServer, startLocalServer } from './local_model/server.js';
import type { ModelChoice, RunOptions } from './run_options.js';
import { UserError } from './user_error.js';

/** A model, its address and its limits. */
export interface Endpoint {
  /** The URL of `POST …/chat/completions`. */
  url: string;
  /** The URL as it may be shown. */
  shown: string;
  /** The part of the key of kept answers that tells endpoints apart; the same in every run. */
  identity: string;
  apiKey: string | undefined;
  model: string;
  /** The name of the model in reports. */
  name: string;
  provider: 'openai' | 'anthropic' | 'local' | 'other';
  requestsPerMinute: number;
  tokensPerMinute: number;
  price: Price | undefined;
}

type Asked = Pick<
  RunOptions,
  'local' | 'model' | 'choice' | 'requestsPerMinute' | 'tokensPerMinute' | 'priceIn' | 'priceOut'
>;

/** The environment's part of a provider. */
interface Provider {
  /** The variable of the key. */
  key: string;
  /** The variable of the address, and the address without it. */
  base: string;
  address: string;
  model: string | undefined;
}

const PROVIDERS: Record<'openai' | 'anthropic', Provider> = {
  openai: {
    key: 'OPENAI_API_KEY',
    base: 'OPENAI_BASE_URL',
    address: 'https://api.openai.com/v1',
    model: 'gpt-4o-mini',
  },
  anthropic: {
    key: 'ANTHROPIC_API_KEY',
    base: 'ANTHROPIC_BASE_URL',
    address: 'https://api.anthropic.com/v1',
    model: undefined,
  },
};

/** The endpoints of a command. Local models share one server, which is started by the first of them that is opened. */
export class Endpoints {
  #server: Promise<LocalServer> | undefined;
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Returns the endpoint of a run, of which no server is started: one to plan with. Throws a {@link UserError}. */
  plan(options: Asked): Endpoint {
    return this.#isLocal(options) ? local(options, 'http://127.0.0.1/v1') : this.#hosted(options);
  }

  /** Resolves to the endpoint of a run. Rejects with a {@link UserError} for what the environment lacks. */
  async open(options: Asked): Promise<Endpoint> {
    if (!this.#isLocal(options)) return this.#hosted(options);
    this.#server ??= startLocalServer();
    return local(options, (await this.#server).url);
  }

  /** Ends what was started. */
  async close(): Promise<void> {
    await (await this.#server?.catch(() => undefined))?.close();
  }

  #isLocal({ local: isForced, choice }: Asked): boolean {
    if (isForced || choice.provider === 'local') return true;
    if (choice.provider !== undefined || choice.baseUrl !== undefined) return false;
    return !this.#env.OPENAI_API_KEY?.trim() && !this.#env.OPENAI_BASE_URL?.trim();
  }

  #hosted(options: Asked): Endpoint {
    const { choice } = options;
    const { provider = 'openai', baseUrl } = choice;
    const { key, base, address, model: usual } = PROVIDERS[provider as 'openai' | 'anthropic'];
    const given = this.#env[base]?.trim() || undefined;
    const apiKey = this.#key(choice, key);
    if (apiKey === undefined && baseUrl === undefined && given === undefined) {
      throw new UserError(`the model ${options.model} needs a key of ${provider}: set ${key}`);
    }
    const url = baseUrl === undefined ? chatUrl(given ?? address, base) : chatUrl(baseUrl, 'baseUrl');
    const model = options.model ?? usual!;
    return {
      url: url.href,
      shown: url.origin + url.pathname.replace(/\/chat\/completions$/, ''),
      identity: url.href,
      apiKey,
      provider: baseUrl === undefined && given === undefined ? (provider as 'openai' | 'anthropic') : 'other',
      requestsPerMinute: options.requestsPerMinute ?? 500,
      tokensPerMinute: options.tokensPerMinute ?? 150_000,
      ...figures(options, model),
    };
  }

  /**
   * The key, fit for a header. An unfit one would otherwise be quoted by the error of `fetch`. A key of the environment is for
   * the provider's own address: another one gets a key where its entry names a variable.
   */
  #key({ apiKeyEnv, baseUrl }: ModelChoice, usual: string): string | undefined {
    if (apiKeyEnv === undefined && baseUrl !== undefined) return undefined;
    const name = apiKeyEnv ?? usual;
    const key = this.#env[name]?.trim();
    if (!key) {
      if (apiKeyEnv === undefined) return undefined;
      throw new UserError(`${name} (apiKeyEnv) is not set; set it to the key of the model`);
    }
    if (!/^[\x21-\x7e]+$/.test(key)) {
      throw new UserError(`${name} holds characters that cannot be sent in a header; copy it again`);
    }
    return key;
  }
}

function local(options: Asked, base: string): Endpoint {
  return {
    url: `${base}/chat/completions`,
    shown: `${base} (the local model server)`,
    // Its port is another each time; what it says may change with the package.
    identity: `local model of ${packageVersion()}`,
    apiKey: undefined,
    provider: 'local',
    requestsPerMinute: options.requestsPerMinute ?? LOCAL_LIMITS.requestsPerMinute,
    tokensPerMinute: options.tokensPerMinute ?? LOCAL_LIMITS.tokensPerMinute,
    ...figures(options, options.model ?? LOCAL_MODEL),
  };
}

function figures({ choice, priceIn, priceOut }: Asked, model: string): Pick<Endpoint, 'model' | 'name' | 'price'> {
  const isPriced = priceIn !== undefined && priceOut !== undefined;
  return { model, name: choice.name ?? model, price: isPriced ? { input: priceIn, output: priceOut } : priceOf(model) };
}

function chatUrl(base: string, name: string): URL {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UserError(`${name} must be a URL such as https://api.openai.com/v1`);
  }
  if (url.username || url.password) throw new UserError(`${name} must not hold a user name or password`);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/chat/completions`;
  url.hash = '';
  return url;
}
