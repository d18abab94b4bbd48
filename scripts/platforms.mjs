// The platforms the package is built for (`napi.targets` of package.json) and the names that follow from them.

const SYSTEMS = {
  'unknown-linux-gnu': ['linux', '-gnu'],
  'unknown-linux-musl': ['linux', '-musl'],
  'apple-darwin': ['darwin', ''],
  'pc-windows-msvc': ['win32', '-msvc'],
};
const ARCHITECTURES = { x86_64: 'x64', aarch64: 'arm64' };

/** What Node calls the platform of a Rust target: `x86_64-unknown-linux-gnu` is `linux-x64-gnu`. */
export function platformOfTarget(target) {
  const [arch, ...rest] = target.split('-');
  const system = SYSTEMS[rest.join('-')];
  if (!system || !ARCHITECTURES[arch]) throw new Error(`scripts/platforms.mjs does not know the target ${target}`);
  return `${system[0]}-${ARCHITECTURES[arch]}${system[1]}`;
}

/** The platform this process runs on. */
export function platformHere() {
  if (process.platform === 'linux') {
    // Without this a report lists every network interface, which takes a hundred times longer.
    process.report.excludeNetwork = true;
    const { glibcVersionRuntime } = process.report.getReport().header;
    return `linux-${process.arch}-${glibcVersionRuntime ? 'gnu' : 'musl'}`;
  }
  return `${process.platform}-${process.arch}${process.platform === 'win32' ? '-msvc' : ''}`;
}

/** The names of all platform packages, in the order of `napi.targets`. */
export function platformPackages(manifest) {
  return manifest.napi.targets.map((target) => `${manifest.name}-${platformOfTarget(target)}`);
}

/** The file name of the addon on `platform`. */
export function libraryName(manifest, platform) {
  return `${manifest.napi.binaryName}.${platform}.node`;
}
