/** The server that a model of the AI SDK asks. Two servers may have models of one name, and must not share answers. */
import * as check from '../arguments.js';
import type { ModelIdentity } from './model_call.js';

/** Options of a middleware about the server. */
export interface EndpointOptions {
  /**
   * The server that the model asks, as part of the key: an address or any name, or a function that returns it. Default:
   * the address that the model tells (`config.baseURL` or `config.url`), as the providers of the AI SDK 5 to 7 do. Say it
   * for a model that tells none, such as one that is wrapped already.
   */
  endpoint?: string | ((model: ModelIdentity) => string | undefined) | undefined;
}

/** Checks the option `endpoint`, and returns the function that finds the server of a model. */
export function checkedEndpoint(given: EndpointOptions['endpoint']): (model: ModelIdentity) => string | undefined {
  if (given === undefined) return endpointOf;
  if (typeof given === 'function') return given;
  const endpoint = check.string('endpoint', given);
  return () => endpoint;
}

/** Returns the address that a model tells, without credentials and query; `undefined` if it tells none. */
function endpointOf(model: ModelIdentity): string | undefined {
  const { config } = model as { config?: unknown };
  if (typeof config !== 'object' || config === null) return undefined;
  const { baseURL, baseUrl, url } = config as Record<string, unknown>;
  for (const told of [baseURL, baseUrl, url]) {
    const address = addressOf(told, model.modelId);
    if (address !== undefined) return address;
  }
  return undefined;
}

function addressOf(told: unknown, modelId: string): string | undefined {
  try {
    const address: unknown = typeof told === 'function' ? told({ path: '', modelId }) : told;
    if (typeof address !== 'string' && !(address instanceof URL)) return undefined;
    const { protocol, host, pathname } = new URL(address);
    return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
  } catch {
    // A relative address, or a function that needs more than it gets.
    return typeof told === 'string' && told !== '' ? told : undefined;
  }
}
