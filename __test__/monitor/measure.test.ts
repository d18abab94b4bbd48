import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Measure, performanceMonitor } from '@aah/ai-evals/performance';
import ts from 'typescript';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const SOURCE = `
import { Measure } from '@aah/ai-evals/performance';

export class Service {
  constructor(readonly factor: number) {}

  @Measure()
  double(value: number, _unused?: string): number {
    return value * this.factor;
  }

  @Measure('named')
  async later(value: number): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 15));
    return this.double(value);
  }

  @Measure('promised')
  promised(value: number): Promise<number> {
    return new Promise((resolve) => setTimeout(() => resolve(value), 15));
  }

  @Measure('throws')
  throws(): never {
    throw new Error('broken');
  }

  @Measure('rejects')
  async rejects(): Promise<never> {
    throw new Error('broken later');
  }

  @Measure('lazy')
  lazy(): PromiseLike<number> & { started: number } {
    const query = {
      started: 0,
      then(resolve: (value: number) => unknown) {
        query.started += 1;
        return Promise.resolve(resolve(5));
      },
    };
    return query as never;
  }

  @Measure()
  static of(factor: number): Service {
    return new this(factor);
  }
}
`;
const PRIVATE = `
import { Measure } from '@aah/ai-evals/performance';
export class Secret {
  @Measure('private') #hidden(value: number): number { return value + 1; }
  reveal(value: number): number { return this.#hidden(value); }
}
`;

// Inside the project, so that the package's own name resolves.
const directory = join(process.cwd(), '.tmp', `measure-${process.pid}`);
interface Service {
  double(value: number, unused?: string): number;
  later(value: number): Promise<number>;
  promised(value: number): Promise<number>;
  throws(): never;
  rejects(): Promise<never>;
  lazy(): PromiseLike<number> & { started: number };
}
type ServiceClass = { new (factor: number): Service; of(factor: number): Service };

async function compiled(
  name: string,
  source: string,
  experimentalDecorators: boolean,
): Promise<Record<string, unknown>> {
  const { outputText, diagnostics } = ts.transpileModule(source, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, experimentalDecorators },
  });
  expect(diagnostics).toEqual([]);
  const file = join(directory, `${name}.mjs`);
  writeFileSync(file, outputText);
  return import(/* @vite-ignore */ pathToFileURL(file).href);
}

beforeAll(() => mkdirSync(directory, { recursive: true }));
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => performanceMonitor.reset());

const timing = (name: string) => performanceMonitor.getComponentTiming(name);

describe.each([
  ['experimentalDecorators', true],
  ['standard decorators', false],
])('@Measure under %s', (_, experimental) => {
  let service: Service;
  let Class: ServiceClass;
  beforeAll(async () => {
    Class = (await compiled(`service-${experimental}`, SOURCE, experimental)).Service as ServiceClass;
  });
  beforeEach(() => {
    service = new Class(2);
  });

  test('a sync method stays sync, keeps this, name and length, and is named after its class', () => {
    expect(service.double(21)).toBe(42);
    expect(service.double.name).toBe('double');
    expect(service.double.length).toBe(2);
    expect(timing('Service.double')).toMatchObject({ totalCalls: 1 });
    expect(Object.getOwnPropertyDescriptor(Class.prototype, 'double')).toMatchObject({
      enumerable: false,
      writable: true,
    });
  });

  test('an async method is timed until it settles, and is the parent of what it calls', async () => {
    expect(await Promise.all([service.later(1), service.later(2)])).toEqual([2, 4]);
    expect(timing('named')?.totalCalls).toBe(2);
    expect(timing('named')?.minDuration).toBeGreaterThan(13);
    const { tree } = performanceMonitor.generateReport();
    expect(tree).toMatchObject([
      { component: 'named', calls: 2, children: [{ component: 'Service.double', calls: 2 }] },
    ]);
  });

  test('a method that returns a promise is timed until that settles; a lazy thenable is not started', async () => {
    expect(await service.promised(3)).toBe(3);
    expect(timing('promised')?.minDuration).toBeGreaterThan(13);
    const query = service.lazy();
    expect(query.started).toBe(0);
    expect(await query).toBe(5);
    expect(query.started).toBe(1);
  });

  test('calls that throw or reject are recorded', async () => {
    expect(() => service.throws()).toThrow('broken');
    await expect(service.rejects()).rejects.toThrow('broken later');
    expect(timing('throws')?.totalCalls).toBe(1);
    expect(timing('rejects')?.totalCalls).toBe(1);
  });

  test('static methods work', () => {
    expect(Class.of(3).double(2)).toBe(6);
    expect(timing('Service.of')?.totalCalls).toBe(1);
  });
});

test('private methods can be measured with standard decorators', async () => {
  const { Secret } = (await compiled('secret', PRIVATE, false)) as { Secret: new () => { reveal(v: number): number } };
  expect(new Secret().reveal(1)).toBe(2);
  expect(timing('private')?.totalCalls).toBe(1);
});

test('decorating anything but a method is an error', () => {
  const decorate = Measure() as unknown as (target: object, key: unknown, descriptor?: unknown) => void;
  expect(() => decorate({}, 'field')).toThrow(TypeError);
  expect(() => decorate(() => {}, { kind: 'getter', name: 'x' })).toThrow(TypeError);
});
