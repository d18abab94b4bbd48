/** The built CLI as a child process, and a chat endpoint it can be pointed at. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export const root = join(__dirname, '../..');
export const main = join(root, 'dist/cli.js');

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  outcome: Promise<Outcome>;
}

/** Starts the command with no provider in its environment but what `env` names, and no answers and runs of earlier ones. */
export function start(args: string[], env: NodeJS.ProcessEnv = {}, cwd = root): Started {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, NO_COLOR, ...inherited } = process.env;
  const AI_EVALS_CACHE_FILE = env.AI_EVALS_CACHE_FILE ?? join(directory(), 'answers.db');
  const AI_EVALS_STORE = env.AI_EVALS_STORE ?? join(directory(), 'runs.db');
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...inherited, ...env, AI_EVALS_CACHE_FILE, AI_EVALS_STORE },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const outcome = new Promise<Outcome>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, outcome };
}

/** Resolves when the command has printed `text` on stderr. */
export function said(child: ChildProcess, text: string): Promise<void> {
  let printed = '';
  return new Promise((resolve) => {
    child.stderr!.on('data', (more: string) => {
      printed += more;
      if (printed.includes(text)) resolve();
    });
  });
}

/** Runs the command to its end. */
export const command = (args: string[], env?: NodeJS.ProcessEnv, cwd?: string): Promise<Outcome> =>
  start(args, env, cwd).outcome;

/** A directory of this test, with `files` in it. */
export function directory(files: Record<string, string> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'ai-evals-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** Records as JSONL. */
export const jsonl = (records: unknown[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: { model: string; messages: { role: string; content: string }[]; [key: string]: unknown };
}

/** A chat endpoint that answers as `reply` says; `undefined` leaves a request without an answer. */
export async function provider(
  reply: (request: Received, response: ServerResponse, count: number) => string | undefined,
): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = { path: request.url!, headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) };
    received.push(asked);
    const content = reply(asked, response, received.length);
    if (content === undefined || response.headersSent) return;
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content } }], usage }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** Sends an error as OpenAI words it. */
export function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ error: { message, type: 'error', param: null, code: null } }));
}

/** A port of this machine at which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
