import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { libraryName, platformOfTarget, platformPackages } from '../../scripts/platforms.mjs';
import { root } from '../lifecycle/child.js';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

describe('npm/', () => {
  test('has one folder for each target of the manifest', () => {
    expect(readdirSync(join(root, 'npm')).sort()).toEqual(manifest.napi.targets.map(platformOfTarget).sort());
  });

  test.each(readdirSync(join(root, 'npm')))('%s is in step with the root package', (platform) => {
    const packed = JSON.parse(readFileSync(join(root, 'npm', platform, 'package.json'), 'utf8'));
    const { version, license, engines } = manifest;
    const library = libraryName(manifest, platform);
    expect(packed).toMatchObject({ version, license, engines, main: library, files: [library] });
    expect(platformPackages(manifest)).toContain(packed.name);
    const [system, architecture, libc] = platform.split('-');
    expect([packed.os, packed.cpu]).toEqual([[system], [architecture]]);
    expect(packed.libc).toEqual(system === 'linux' ? [libc === 'gnu' ? 'glibc' : 'musl'] : undefined);
  });
});
