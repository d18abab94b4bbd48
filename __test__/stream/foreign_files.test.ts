/** Files that are no datasets, too large or damaged: one error that names what they are, and nothing on stderr. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DatasetStream } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'foreign-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(name: string, content: string | Uint8Array): string {
  files += 1;
  const path = join(directory, `${files}-${name}`);
  writeFileSync(path, content);
  return path;
}

async function outcome(path: string, options = {}): Promise<{ items: unknown[]; error: unknown }> {
  const items: unknown[] = [];
  try {
    for await (const item of DatasetStream.fromFile(path, options)) items.push(item);
    return { items, error: undefined };
  } catch (error) {
    return { items, error };
  }
}

const utf = (text: string, width: 2 | 4, little: boolean) => {
  const bytes = [...text].flatMap((character) => {
    const unit = Array.from({ length: width }, (_, i) => (character.charCodeAt(0) >> (8 * i)) & 255);
    return little ? unit : unit.reverse();
  });
  return new Uint8Array(bytes);
};
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12\n`;

describe('fromFile names', () => {
  test.each([
    ['a Git LFS pointer', pointer, /Git LFS pointer.*git lfs pull/],
    ['xz', new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1]), /xz/],
    ['bzip2', Buffer.from('BZh91AY&SY....'), /bzip2/],
    ['a ZIP archive', Buffer.from('PK\x03\x04....'), /ZIP/],
    ['a 7z archive', new Uint8Array([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0]), /7z/],
    ['lz4', new Uint8Array([4, 0x22, 0x4d, 0x18, 1]), /lz4/],
    ['UTF-32 with a mark', Buffer.concat([new Uint8Array([0xff, 0xfe, 0, 0]), utf('{"a":1}', 4, true)]), /UTF-32/],
    ['UTF-32 without a mark', utf('{"a":1}', 4, false), /UTF-32/],
    ['UTF-16 with a mark', Buffer.concat([new Uint8Array([0xfe, 0xff]), utf('{"a":1}', 2, false)]), /UTF-16/],
    ['UTF-16 without a mark', utf('{"a":1}', 2, true), /UTF-16.*utf-16le/],
    ['UTF-16 of other scripts', utf('["日本"]', 2, false), /UTF-16.*utf-16be/],
    ['UTF-32 of other scripts', utf('"日本",b', 4, true), /UTF-32.*utf-32le/],
    ['UTF-16 of two characters', utf('{}', 2, true), /UTF-16/],
    ['an encrypted Parquet file', Buffer.from('PARE....PARE'), /encrypted Parquet/],
    ['an Arrow file', Buffer.from('ARROW1\0\0'), /Arrow/],
    ['a SQLite database', Buffer.from('SQLite format 3\0....'), /SQLite/],
    ['a PDF document', '%PDF-1.7\n', /PDF/],
    ['an HTML page', '\n<!DOCTYPE html><title>404</title>', /HTML/],
    ['an XML error', '<?xml version="1.0"?><Error/>', /XML/],
  ])('%s, whatever its name, packed or not', async (_, content, message) => {
    for (const name of ['a.jsonl', 'a.json', 'a.csv', 'a.tsv', 'a.parquet', 'a']) {
      for (const bytes of [content, gzipSync(content)]) {
        const { items, error } = await outcome(file(name, bytes));
        expect(items).toEqual([]);
        expect(error, name).toMatchObject({ name: 'DatasetError', code: 'ERR_DATASET' });
        expect((error as Error).message, name).toMatch(message);
      }
    }
  });

  test('bytes behind the end of gzip data, after the items before them', async () => {
    const { items, error } = await outcome(
      file('a.jsonl.gz', Buffer.concat([gzipSync('1\n2\n'), Buffer.from('oops')])),
    );
    expect(items).toEqual([1, 2]);
    expect((error as Error).message).toContain('bytes that are no gzip data follow its end');
  });

  test('a value that no string holds, with its row and the limit, after the items before', async () => {
    const path = join(directory, 'large.csv');
    const out = openSync(path, 'w');
    writeSync(out, 'a\nfirst\n');
    // As JSON each takes six bytes.
    for (let i = 0; i < 50; i += 1) writeSync(out, Buffer.alloc(1 << 20, 1));
    writeSync(out, '\nlast\n');
    closeSync(out);
    const { items, error } = await outcome(path);
    expect(items).toEqual([{ a: 'first' }]);
    expect(error).toMatchObject({
      name: 'DatasetError',
      line: 3,
      message: expect.stringContaining('longer than 256 MB'),
    });
    rmSync(path);
  });
});

test('a damaged file ends in rows or an error, with nothing on stderr', () => {
  const program = file(
    'damage.cjs',
    `const { DatasetStream } = require(${JSON.stringify(createRequire(__filename).resolve('@aah/ai-evals/performance'))});
    const { readFileSync, writeFileSync } = require('node:fs');
    (async () => {
      const whole = readFileSync(process.argv[2]);
      let errors = 0;
      for (let i = 0; i < 600; i += 1) {
        const bytes = Buffer.from(whole);
        bytes[(i * 7919) % bytes.length] ^= 1 << (i % 8);
        writeFileSync(process.argv[3], bytes);
        try {
          for await (const item of DatasetStream.fromFile(process.argv[3])) void item;
        } catch (error) {
          if (error.code !== 'ERR_DATASET') throw error;
          errors += 1;
        }
      }
      console.log(errors > 0);
    })();`,
  );
  for (const name of ['values.parquet', 'codec-gzip.parquet']) {
    const source = join(__dirname, 'parquet', name);
    expect(readFileSync(source).length).toBeGreaterThan(0);
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, source, join(directory, 'damaged')]);
    expect([stdout.toString(), stderr.toString(), status], name).toEqual(['true\n', '', 0]);
  }
});
