// Publishes a release: the eight platform packages first, then the root package that asks for them. A package that is
// already there at this version is passed over, so a release that broke off can be run again.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { libraryName, platformOfTarget } from './platforms.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const destination = mkdtempSync(join(tmpdir(), 'ai-evals-release-'));

const platforms = manifest.napi.targets.map(platformOfTarget);
const missing = platforms.filter((name) => !existsSync(join(root, 'npm', name, libraryName(manifest, name))));
if (missing.length > 0) {
  console.error(`No library for ${missing.join(', ')}: nothing was published.`);
  process.exit(1);
}

for (const folder of [...platforms.map((name) => join(root, 'npm', name)), root]) {
  const [{ name, version, filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', destination], { cwd: folder, encoding: 'utf8' }),
  );
  const known = spawnSync('npm', ['view', `${name}@${version}`, 'version'], { encoding: 'utf8' }).stdout.trim();
  if (known === version) {
    console.log(`${name}@${version} is published already`);
    continue;
  }
  execFileSync('npm', ['publish', join(destination, filename), '--access', 'public', '--provenance'], {
    stdio: 'inherit',
  });
}
