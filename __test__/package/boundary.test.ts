import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../lifecycle/child.js';

function sources(folder: string, extension: RegExp): { file: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extension.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ file: relative(root, path), text: readFileSync(path, 'utf8') }));
}

/** `text` without comments and the contents of strings, at the same length. */
function codeOf(text: string): string {
  const blank = (found: string) => found.replace(/[^\n]/g, ' ');
  return text
    .replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, blank)
    .replace(/"(?:[^"\\]|\\.)*"/g, (s) => `"${blank(s.slice(2))}"`);
}

/** Every `#[napi…]` attribute and the item it stands on. */
function exported(text: string): { attribute: string; item: string; line: number }[] {
  const found = codeOf(text).matchAll(
    /#\[napi(?:_derive::napi)?(?<attribute>\([^\]]*\))?\]\s*(?:#\[[^\]]*\]\s*)*(?<item>[^{;]*)/g,
  );
  return [...found].map((match) => ({
    attribute: match.groups?.attribute ?? '',
    item: (match.groups?.item ?? '').replace(/\s+/g, ' ').trim(),
    line: text.slice(0, match.index).split('\n').length,
  }));
}

const rust = sources('src', /\.rs$/);
const binding = rust.filter(({ file }) => file.startsWith('src/binding/'));

describe('the boundary to native code', () => {
  const functions = binding.flatMap(({ file, text }) =>
    exported(text)
      .filter(({ item }) => /^(pub(\([^)]*\))? )?(async )?(unsafe )?fn\b/.test(item))
      .map((found) => ({ ...found, file })),
  );

  test('has exports to look at', () => {
    expect(functions.map(({ item }) => item)).toContain("pub fn version() -> &'static str");
    expect(functions.length).toBeGreaterThanOrEqual(4);
  });

  test('catches a panic on every exported function, method, getter and constructor', () => {
    const bare = functions.filter(({ attribute }) => !/\bcatch_unwind\b/.test(attribute));
    expect(bare.map(({ file, line, item }) => `${file}:${line} ${item}`)).toEqual([]);
  });

  test('lets hand-written callbacks run only inside the function that catches their panics', () => {
    const callbacks = binding.flatMap(({ file, text }) => {
      const found = codeOf(text).matchAll(/extern "[^"]*" fn (\w+)[^{]*\{\s*(?:unsafe \{\s*)?(\w+)\(/g);
      return [...found].map(([, name, first]) => ({ file, name, first }));
    });
    const all = binding.flatMap(({ text }) => codeOf(text).match(/extern "[^"]*" fn \w+/g) ?? []);
    expect(callbacks.length).toBe(all.length);
    for (const { file, name, first } of callbacks) {
      expect(first, `${file}: ${name}`).toBe('answer');
    }
    if (callbacks.length > 0) {
      const answer = binding.map(({ text }) => /fn answer\([^{]*\{([^;]*)/.exec(text)?.[1]).find(Boolean);
      expect(answer).toContain('catch_unwind(');
    }
  });

  test('is the only place that imports napi', () => {
    const importing = rust.filter(
      ({ file, text }) =>
        !file.startsWith('src/binding/') && /\bnapi(?:_derive|_sys)?\s*(?:::|;)|#\[napi/.test(codeOf(text)),
    );
    expect(importing.map(({ file }) => file)).toEqual([]);
  });

  test('is reached from TypeScript through native.ts alone; others may name its types', () => {
    const withoutTypes = (text: string) => text.replace(/^import type .* from '[./]+binding\.cjs';$/gm, '');
    const importing = sources('ts', /\.ts$/).filter(({ text }) => /binding\.cjs|\.node['"`]/.test(withoutTypes(text)));
    expect(importing.map(({ file }) => file)).toEqual(['ts/native.ts']);
  });

  test('has unsafe code nowhere else, and each block says why it is sound', () => {
    for (const { file, text } of rust) {
      const lines = text.split('\n');
      for (const [i, line] of codeOf(text).split('\n').entries()) {
        if (!/\bunsafe\b/.test(line)) continue;
        expect(file, `unsafe code at line ${i + 1}`).toMatch(/^src\/binding\//);
        // The body of an unsafe function needs blocks of its own (`unsafe_op_in_unsafe_fn`); its contract is a doc section.
        if (/\bunsafe (extern|fn)\b/.test(line)) continue;
        expect(lines.slice(Math.max(0, i - 4), i + 1).join('\n'), `${file}:${i + 1}`).toContain('SAFETY:');
      }
    }
  });
});

test('the scan sees through comments, strings and formatting', () => {
  const text =
    '// #[napi]\n#[napi(constructor,\n  catch_unwind)]\n#[allow(x)]\npub fn new(a: f64) -> Self {}\n#[napi]\npub fn bare() {}\nlet s = "#[napi] fn no()";';
  expect(exported(text).map(({ attribute, item, line }) => [attribute.includes('catch_unwind'), item, line])).toEqual([
    [true, 'pub fn new(a: f64) -> Self', 2],
    [false, 'pub fn bare()', 6],
  ]);
});
