// The facade in few files: a CommonJS bundle for each entry point and for the command, and chunks for what they share.
//
// Loading some 120 small modules took longer than everything else of an import. What two bundles share is in a chunk that
// both load, so that a class is one class in every entry point. All files lie in `dist/` itself: `../package.json` and
// `./binding.cjs` are found from each of them.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';
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

/** Writes `dist/*.js`. Fails on any warning of the bundler, such as a circular import between chunks. */
export async function bundleFacade(root, manifest) {
  const entries = entryPoints(manifest).map((entry) => [entry, join(root, 'ts', `${entry}.ts`)]);
  const bundle = await rolldown({
    input: { ...Object.fromEntries([...entries, ...threads(root)]), cli: join(root, 'ts', 'cli', 'main.ts') },
    platform: 'node',
    // Optional peers are the user's, the loader is generated.
    external: (id) => id.startsWith('node:') || id === './binding.cjs' || !/^[./]/.test(id),
    plugins: [loadLazily],
    onwarn: (warning) => {
      throw new Error(`bundle: ${warning.message}`);
    },
  });
  await bundle.write({
    dir: join(root, 'dist'),
    format: 'cjs',
    exports: 'named',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared-[name].js',
    strict: true,
    comments: false,
  });
  await bundle.close();
}
