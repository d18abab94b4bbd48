// Publishes a release: packs all nine packages first, then publishes the eight of the platforms, then the root, which asks
// for them. A package that is published already at this version is passed over, so a release that broke off can be
// run again. A prerelease (`0.2.0-rc.1`) goes to the tag `next`, never to `latest`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packPlatform, packRoot } from './pack.mjs';
import { libraryName, platformOfTarget, platformPackages } from './platforms.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const platforms = manifest.napi.targets.map(platformOfTarget);
const missing = platforms.filter((name) => !existsSync(join(root, 'npm', name, libraryName(manifest, name))));
if (missing.length > 0) {
  console.error(`No library for ${missing.join(', ')}: nothing was published.`);
  process.exit(1);
}

/** Whether the registry has `name` at this version. */
function isPublished(name) {
  const { stdout } = spawnSync('npm', ['view', `${name}@${manifest.version}`, 'version'], { encoding: 'utf8' });
  return stdout.trim() === manifest.version;
}

const tag = manifest.version.includes('-') ? 'next' : 'latest';
const destination = mkdtempSync(join(tmpdir(), 'ai-evals-release-'));
try {
  const names = [...platformPackages(manifest), manifest.name];
  const tarballs = [...platforms.map((platform) => packPlatform(platform, destination)), packRoot(destination)];
  for (const [i, name] of names.entries()) {
    if (isPublished(name)) {
      console.log(`${name}@${manifest.version} is published already`);
      continue;
    }
    const args = ['publish', tarballs[i], '--access', 'public', '--provenance', '--tag', tag];
    const { status } = spawnSync('npm', args, { stdio: 'inherit' });
    if (status !== 0) {
      console.error(`${name} was not published; what is out stays. Run this again when the reason is gone.`);
      process.exitCode = 1;
      break;
    }
  }
} finally {
  rmSync(destination, { recursive: true, force: true });
}
