// The facade in few files: a CommonJS bundle for each entry point and for the command, and chunks for what they share.
//
// Loading some 120 small modules took longer than everything else of an import. What two bundles share is in a chunk that
// both load, so that a class is one class in every entry point. All files lie in `dist/` itself: `../package.json` and
// `./binding.cjs` are found from each of them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, join, sep } from 'node:path';
import { rolldown } from 'rolldown';
import { minifySync } from 'rolldown/utils';
import { entryPoints } from './entry_points.mjs';

/** Names and files of what runs on worker threads of its own: a bundle each, found beside the module that starts it. */
function threads(root) {
  const files = readdirSync(join(root, 'ts'), { recursive: true }).filter((file) => file.endsWith('_thread.ts'));
  return files.map((file) => [basename(file, '.ts'), join(root, 'ts', file)]);
}

/** Modules of Node that cost milliseconds to load, and that no import of ours needs at once. */
const LAZY =
  /^(?:let|const) (node_(?:crypto|zlib|fs_promises|timers_promises|stream|v8|worker_threads)(?:\$\d+)?) = (require\("[^"]+"\));$/gm;

/** Has modules of {@link LAZY} loaded by their first use: a name becomes a function, which `require` answers from its cache. */
const loadLazily = {
  name: 'load-lazily',
  renderChunk(code) {
    let text = code;
    for (const [line, name, load] of code.matchAll(LAZY)) {
      // In parentheses, for `new`.
      const uses = new RegExp(`(?<![\\w$])${name.replace('$', '\\$')}\\.`, 'g');
      text = text.replace(line, `const ${name} = () => ${load};`).replace(uses, `(${name}()).`);
    }
    return text;
  },
};

/** Packages that are bundled, with all that they need: users install nothing for the command line. */
const BUNDLED = new Set(['sucrase', 'yaml']);

/** Tells what a module is left to find at run time: optional peers are the user's, the loader is generated. */
function isExternal(id, importer) {
  if (id.startsWith('node:') || builtinModules.includes(id) || id === './binding.cjs') return true;
  return !/^[./]/.test(id) && !BUNDLED.has(id) && !importer?.includes(`${sep}node_modules${sep}`);
}

/** Writes the licences of the packages that are in the bundles, as they ask for. */
function writeLicences(root, output) {
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  const folders = modules.map((id) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0]);
  const texts = [...new Set(folders.filter((folder) => folder !== undefined))].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
    if (file === undefined) throw new Error(`bundle: ${folder} holds no licence`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  });
  writeFileSync(join(root, 'dist', 'third-party-licenses.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

/** Makes chunks of packages of others small. Ours stay readable, for stack traces. */
function minifyBundled(root, output) {
  for (const { type, fileName, moduleIds } of output) {
    if (type !== 'chunk' || !moduleIds.some((id) => id.includes(`${sep}node_modules${sep}`))) continue;
    const file = join(root, 'dist', fileName);
    writeFileSync(file, minifySync(fileName, readFileSync(file, 'utf8')).code);
  }
}

/** Writes `dist/*.js`. Fails on any warning of the bundler, such as a circular import between chunks. */
export async function bundleFacade(root, manifest) {
  const entries = entryPoints(manifest).map((entry) => [entry, join(root, 'ts', `${entry}.ts`)]);
  const bundle = await rolldown({
    input: { ...Object.fromEntries([...entries, ...threads(root)]), cli: join(root, 'ts', 'cli', 'main.ts') },
    platform: 'node',
    external: isExternal,
    plugins: [loadLazily],
    onwarn: (warning) => {
      throw new Error(`bundle: ${warning.message}`);
    },
  });
  const { output } = await bundle.write({
    dir: join(root, 'dist'),
    format: 'cjs',
    exports: 'named',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared-[name].js',
    strict: true,
    comments: false,
  });
  await bundle.close();
  minifyBundled(root, output);
  writeLicences(root, output);
}
