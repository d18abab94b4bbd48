// The order in which the loader that `napi build` generates looks for the addon.
//
// Generated, it tries a file beside itself first and the platform package second. Ours is the other way round: the
// prebuilt platform package when it is installed, else a local build. Nothing else of the loader is changed.

const LOCAL = String.raw`try \{\s+return require\('\./[\w.-]+\.node'\)\s+\} catch \(e\) \{\s+loadErrors\.push\(e\)\s+\}`;
const PREBUILT = String.raw`try \{\s+const binding = require\('[^']+'\)[\s\S]*?\} catch \(e\) \{\s+loadErrors\.push\(e\)\s+\}`;

/** The loader's text with the prebuilt package tried before the local file, on every platform. */
export function prebuiltFirst(loader) {
  const pairs = new RegExp(`(${LOCAL})(\\s+)(${PREBUILT})`, 'g');
  let swapped = 0;
  const text = loader.replace(pairs, (_, local, gap, prebuilt) => {
    swapped += 1;
    return prebuilt + gap + local;
  });
  const expected = loader.match(/return require\('\.\/[\w.-]+\.node'\)/g)?.length ?? 0;
  if (swapped === 0 || swapped !== expected) {
    throw new Error(`ts/binding.cjs: ${swapped} of ${expected} look-ups were reordered; has \`napi build\` changed?`);
  }
  return text;
}
