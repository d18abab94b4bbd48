/** Options of a store, checked and made ready for the engine. */
import {
  options as checkOptions,
  outOfRange,
  positiveInteger,
  positiveNumber,
  string,
  wrongType,
} from '../arguments.js';
import type { StoreOptions, StoreTls } from './types.js';

/** Options that the engine takes; times in milliseconds. */
export interface EngineOptions extends Omit<StoreOptions, 'password' | 'tls'> {
  url: string;
  password: string | undefined;
  tls: { ca?: string; cert?: string; key?: string; rejectUnauthorized?: boolean; servername?: string } | undefined;
}

/** A function that gives a password. */
export type PasswordSource = () => string | Promise<string>;

const DEFAULT_MAX_ROW_BYTES = 64 * 1024 * 1024;

/** Checked options: those of the engine less the password, where that comes from, and the largest row. */
export interface OpenOptions {
  engine: Omit<EngineOptions, 'password'>;
  password: string | PasswordSource | undefined;
  maxRowBytes: number;
}

/** Checks what `open` was given. No message repeats a password. */
export function openOptions(url: string | URL, given: StoreOptions | undefined): OpenOptions {
  const isUrl = Object.prototype.toString.call(url) === '[object URL]';
  if (!isUrl && typeof url !== 'string') wrongType('url', 'a text or a URL', url);
  const { password, tls, ...rest } = checkOptions<StoreOptions>('options', given);
  const { maxConnections, acquireTimeout, lockTimeout, statementTimeout, migrate, schema, durability } = rest;
  const { maxRowBytes = DEFAULT_MAX_ROW_BYTES } = rest;
  if (password !== undefined && typeof password !== 'string' && typeof password !== 'function') {
    wrongType('password', 'a text or a function', typeof password);
  }
  if (schema !== undefined && string('schema', schema) === '') outOfRange('schema', 'the name of a schema', schema);
  return {
    password,
    maxRowBytes: positiveInteger('maxRowBytes', maxRowBytes),
    engine: {
      url: String(url),
      maxConnections:
        maxConnections === undefined ? undefined : positiveInteger('maxConnections', maxConnections, 10_000),
      acquireTimeout: milliseconds('acquireTimeout', acquireTimeout),
      lockTimeout: milliseconds('lockTimeout', lockTimeout),
      statementTimeout: milliseconds('statementTimeout', statementTimeout),
      migrate: oneOf('migrate', ['auto', 'check'], migrate),
      schema,
      maxRowBytes,
      durability: oneOf('durability', ['process', 'power'], durability),
      tls: tls === undefined || tls === null ? undefined : engineTls(tls),
    },
  };
}

function milliseconds(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.min(Math.ceil(positiveNumber(name, value)), 2 ** 31 - 1);
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: T | undefined): T | undefined {
  if (value === undefined || allowed.includes(value)) return value;
  return outOfRange(name, `one of ${allowed.map((one) => `'${one}'`).join(', ')}`, value);
}

function engineTls(tls: StoreTls): NonNullable<EngineOptions['tls']> {
  const { ca, cert, key, rejectUnauthorized, servername } = checkOptions<StoreTls>('tls', tls);
  if (rejectUnauthorized !== undefined && typeof rejectUnauthorized !== 'boolean') {
    wrongType('tls.rejectUnauthorized', 'a boolean', rejectUnauthorized);
  }
  return {
    ...(ca === undefined ? {} : { ca: (Array.isArray(ca) ? ca : [ca]).map((one) => pem('tls.ca', one)).join('\n') }),
    ...(cert === undefined ? {} : { cert: pem('tls.cert', cert) }),
    ...(key === undefined ? {} : { key: pem('tls.key', key) }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername: string('tls.servername', servername) }),
  };
}

/** Returns PEM text. What is no text is named by its type alone: it may be a key. */
function pem(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array
    ? Buffer.from(value).toString('utf8')
    : wrongType(name, 'PEM text, or its bytes', typeof value);
}
