/** Tools that a model may call while it answers. */
import { callable, options as checkOptions, string, wrongType } from '../../arguments.js';
import { toJsonText } from '../../value/form.js';
import type { ToolCall, ToolDefinition } from './language_model.js';
import { answerForm } from './output_schema.js';

/** A tool, as the AI SDK's `tool()` makes it too. */
export interface Tool {
  /** The purpose of the tool, as the model is told. */
  description?: string | undefined;
  /** The form of its arguments: a JSON Schema, a Standard Schema or a schema of the AI SDK. Default: any object. */
  inputSchema?: unknown;
  /** The same under the name that OpenAI gives it. */
  parameters?: unknown;
  /** Runs the tool. Without it a call of the tool ends the answer. */
  // biome-ignore lint/suspicious/noExplicitAny: the arguments are those of the tool's own schema
  execute?: ((input: any, options: any) => unknown) | undefined;
}

/** Tools by name. */
export type ToolSet = Readonly<Record<string, Tool>>;

/** A tool that was called while a model answered, and its result. */
export interface ToolRun {
  name: string;
  input: unknown;
  /** The value that the tool returned. */
  output?: unknown;
  /** The text of what it threw. */
  error?: string;
}

/** The tools of one runner. */
export class Toolbox {
  readonly #tools: ReadonlyMap<string, Tool>;
  #definitions: Promise<ToolDefinition[]> | undefined;

  /** Throws `TypeError` for a tool that is none. */
  constructor(tools: ToolSet | undefined) {
    const given = checkOptions('tools', tools) as ToolSet;
    for (const [name, tool] of Object.entries(given)) {
      if (typeof tool !== 'object' || tool === null) wrongType(`tools.${name}`, 'a tool object', tool);
      if (tool.description !== undefined) string(`tools.${name}.description`, tool.description);
      if (tool.execute !== undefined) callable(`tools.${name}.execute`, tool.execute);
      const schema = tool.inputSchema ?? tool.parameters;
      if (schema !== undefined) answerForm(`tools.${name}.inputSchema`, schema);
    }
    this.#tools = new Map(Object.entries(given));
  }

  /** Resolves to the tools as models are told of them. */
  definitions(): Promise<ToolDefinition[]> {
    this.#definitions ??= Promise.all(
      [...this.#tools].map(async ([name, { description, inputSchema, parameters }]) => {
        const schema = inputSchema ?? parameters;
        const wire = schema === undefined ? undefined : await answerForm('inputSchema', schema).wire();
        return { name, description, inputSchema: wire ?? { type: 'object' } };
      }),
    );
    return this.#definitions;
  }

  /** Returns whether every tool that is called can be run here. An unknown one can: the model is told that there is none. */
  canRun(calls: readonly ToolCall[]): boolean {
    return calls.every(({ name }) => !this.#tools.has(name) || this.#tools.get(name)!.execute !== undefined);
  }

  /** Runs a tool. What it throws is told to the model. */
  async run({ id, name, input }: ToolCall, signal: AbortSignal): Promise<{ run: ToolRun; text: string }> {
    try {
      const tool = this.#tools.get(name);
      if (!tool?.execute) throw new Error(`there is no tool ${JSON.stringify(name)}`);
      const schema = tool.inputSchema ?? tool.parameters;
      const text = typeof input === 'string' ? input : (toJsonText(input) ?? '{}');
      const checked = schema === undefined ? input : await answerForm('inputSchema', schema).read(text);
      const output: unknown = await tool.execute(checked, { toolCallId: id, abortSignal: signal, messages: [] });
      return {
        run: { name, input, output },
        text: typeof output === 'string' ? output : (toJsonText(output) ?? 'null'),
      };
    } catch (error) {
      signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      return { run: { name, input, error: message }, text: `Error: ${message}` };
    }
  }
}
