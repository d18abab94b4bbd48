/** Numbers as people read them. */

/** A duration of `ms` milliseconds in the unit that fits: `12.3 ns`, `4.56 µs`, `7.89 ms`, `1.23 s`. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (!Number.isFinite(ms) || ms === 0) return `${finite(ms)} ms`;
  // From where three digits would say 1000 of the smaller unit.
  if (size >= 999.5) return `${digits(ms / 1000)} s`;
  if (size >= 0.9995) return `${digits(ms)} ms`;
  if (size >= 0.0009995) return `${digits(ms * 1000)} µs`;
  return `${digits(ms * 1e6)} ns`;
}

/** Bytes in the unit that fits, powers of 1024. */
export function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let value = finite(count);
  let unit = 0;
  while (Math.abs(value) >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : digits(value)} ${units[unit]}`;
}

/** A rate a second: `1.23 M/s`. */
export function rate(perSecond: number): string {
  const value = finite(perSecond);
  for (const [size, unit] of [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ] as const) {
    if (value >= size * 0.9995) return `${digits(value / size)}${unit}/s`;
  }
  return `${digits(value)} /s`;
}

/** A change in percent, with its sign. */
export function percent(value: number): string {
  const shown = finite(value);
  return `${shown > 0 ? '+' : ''}${shown.toFixed(Math.abs(shown) < 99.95 ? 1 : 0)} %`;
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/** Three significant digits; what is too large or too small for a table as a power of ten. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 0.00995)) return value.toExponential(2);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
