/** The form that an answer must have: a JSON Schema, a Standard Schema (Zod, Valibot, ArkType), or a schema of the AI SDK. */
import { wrongType } from '../../arguments.js';
import { jsonSchema } from '../../scorers/index.js';
import { toJsonText } from '../../value/form.js';
import { AnswerFormError, answerJson } from './answer_json.js';

/** A schema by the Standard Schema specification, as Zod 3.24 and later, Valibot and ArkType have it. */
export interface StandardSchema<TOutput = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: unknown; readonly output: TOutput } | undefined;
  };
}

/** A schema of the AI SDK, as its `jsonSchema()` makes it. */
export interface AiSdkSchema<TOutput = unknown> {
  readonly jsonSchema: unknown;
  readonly validate?: ((value: unknown) => unknown) | undefined;
  readonly _type?: TOutput;
}

/** A JSON Schema as data. */
export type JsonSchemaObject = Readonly<Record<string, unknown>>;

/** The form that an answer must have. */
export type OutputSchema<TOutput = unknown> = StandardSchema<TOutput> | AiSdkSchema<TOutput> | JsonSchemaObject;

/** The type of the values of a schema. */
export type SchemaOutput<TSchema> =
  TSchema extends StandardSchema<infer TOutput>
    ? TOutput
    : TSchema extends AiSdkSchema<infer TOutput>
      ? TOutput
      : // biome-ignore lint/suspicious/noExplicitAny: a JSON Schema as data says nothing to the type checker
        any;

/** A schema that can be sent to a model and checks its answers. */
export interface AnswerForm {
  /** Resolves to the JSON Schema to send; to `undefined` where the schema cannot tell one. */
  wire(): Promise<object | undefined>;
  /** Resolves to the value in an answer. Rejects with an {@link AnswerFormError}. */
  read(text: string): Promise<unknown>;
}

/** Returns the form that `schema` describes. Throws `TypeError` for what is no schema, `RangeError` for an invalid one. */
export function answerForm(name: string, schema: unknown): AnswerForm {
  const isObject =
    (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) || typeof schema === 'function';
  if (!isObject) return wrongType(name, 'a JSON Schema, a Standard Schema or a schema of the AI SDK', schema);
  if ('~standard' in schema) return standardForm(schema as StandardSchema);
  if ('jsonSchema' in schema) return aiSdkForm(schema as AiSdkSchema);
  return dataForm(schema);
}

function standardForm(schema: StandardSchema): AnswerForm {
  const { validate } = schema['~standard'];
  return {
    wire: async () => wireOf(schema),
    async read(text) {
      const result = (await validate(answerJson(text))) as {
        value?: unknown;
        issues?: readonly { message: string; path?: readonly unknown[] }[];
      };
      const issue = result.issues?.[0];
      if (issue)
        throw new AnswerFormError(`the answer does not fit the schema: ${placeOf(issue.path)}${issue.message}`);
      return result.value;
    },
  };
}

function placeOf(path: readonly unknown[] = []): string {
  const keys = path.map((step) => (typeof step === 'object' && step !== null ? (step as { key?: unknown }).key : step));
  return keys.length === 0 ? '' : `${keys.map(String).join('.')}: `;
}

/** Returns the JSON Schema that a Standard Schema tells, by the Standard JSON Schema specification or as Zod 4 does. */
function wireOf(schema: StandardSchema): object | undefined {
  const { jsonSchema: told } = schema['~standard'] as { jsonSchema?: { output?: (options: object) => unknown } };
  const { toJSONSchema } = schema as { toJSONSchema?: (options: object) => unknown };
  for (const made of [
    () => told?.output?.({ target: 'draft-07' }),
    () => toJSONSchema?.call(schema, { target: 'draft-7' }),
  ]) {
    try {
      const value = made();
      if (typeof value === 'object' && value !== null) return value;
    } catch {
      // A schema with parts that JSON Schema cannot express; answers are checked all the same.
    }
  }
  return undefined;
}

function aiSdkForm({ jsonSchema: wire, validate }: AiSdkSchema): AnswerForm {
  let checked: AnswerForm | undefined;
  return {
    async wire() {
      return (await wire) as object | undefined;
    },
    async read(text) {
      if (!validate) {
        checked ??= dataForm((await wire) as object);
        return checked.read(text);
      }
      const result = (await validate(answerJson(text))) as { success: boolean; value?: unknown; error?: unknown };
      if (result.success) return result.value;
      const reason = result.error instanceof Error ? result.error.message : String(result.error);
      throw new AnswerFormError(`the answer does not fit the schema: ${reason}`);
    },
  };
}

function dataForm(schema: object): AnswerForm {
  const scorer = jsonSchema(schema);
  return {
    wire: async () => schema,
    async read(text) {
      const value = answerJson(text);
      const { passed, explanation } = await scorer.score(undefined, toJsonText(value));
      if (passed) return value;
      throw new AnswerFormError(`the answer does not fit the schema: ${explanation ?? 'it is another form'}`);
    },
  };
}
