// Category `units`: conversions, reckoned in whole numbers (millionths of the base unit) and rounded half up.

const KINDS = [
  { kind: 'length', units: { metres: 1_000_000, kilometres: 1_000_000_000, miles: 1_609_344_000, feet: 304_800 } },
  { kind: 'mass', units: { grams: 1_000_000, kilograms: 1_000_000_000, pounds: 453_592_370, ounces: 28_349_523 } },
  { kind: 'duration', units: { minutes: 60_000_000, hours: 3_600_000_000, days: 86_400_000_000 } },
  { kind: 'volume', units: { litres: 1_000_000, millilitres: 1000, 'US gallons': 3_785_412, 'US cups': 236_588 } },
];

const END = "Round to two decimals and end with a line 'A: <number>'.";

/** `above / below` rounded half up to two decimals, or undefined when it lies so near a tie that rounding is arguable. */
function rounded(above, below) {
  const hundredths = (above * 100n) / below;
  const rest = Number(((above * 100n) % below) * 1000n) / Number(below);
  if (rest > 490 && rest < 510) return undefined;
  return Number(hundredths + (rest >= 500 ? 1n : 0n)) / 100;
}

function conversion(random) {
  for (;;) {
    const { kind, units } = random.pick(KINDS);
    const [from, to] = random.shuffled(Object.keys(units));
    const tenths = random.integer(5, 2000);
    const expected = rounded(BigInt(tenths) * BigInt(units[from]), 10n * BigInt(units[to]));
    if (expected === undefined || expected < 1) continue;
    const factor = units[from] / units[to];
    return {
      difficulty: Number.isInteger(factor) || Number.isInteger(1 / factor) ? 'easy' : 'medium',
      tags: ['conversion', kind],
      input: `Convert ${tenths / 10} ${from} to ${to}. ${END}`,
      expected,
    };
  }
}

function temperature(random) {
  for (;;) {
    const tenths = random.integer(-400, 2200);
    const celsius = random.chance(50);
    const expected = celsius
      ? rounded(BigInt(Math.abs(tenths * 9 + 1600)), 50n)
      : rounded(BigInt(Math.abs(tenths - 320)) * 5n, 90n);
    if (expected === undefined) continue;
    const negative = celsius ? tenths * 9 + 1600 < 0 : tenths < 320;
    const [from, to] = celsius ? ['Celsius', 'Fahrenheit'] : ['Fahrenheit', 'Celsius'];
    return {
      difficulty: 'medium',
      tags: ['conversion', 'temperature'],
      input: `Convert ${tenths / 10} degrees ${from} to degrees ${to}. ${END}`,
      expected: negative ? -expected : expected,
    };
  }
}

export const units = [conversion, conversion, temperature];
