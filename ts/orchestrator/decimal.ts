/** Decimal numbers: the digits that a number is written with, and exact arithmetic on them. */

/** The number `digits × 10^exponent`. */
export interface Decimal {
  digits: bigint;
  exponent: number;
}

/** Returns the decimal number that a finite number is written as: 1.1 is eleven tenths. */
export function decimal(value: number): Decimal {
  const [mantissa, power = '0'] = String(value).split('e') as [string, string?];
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?];
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length };
}

/** Returns `a − b`. */
export function minus(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return { digits: scaled(a, exponent) - scaled(b, exponent), exponent };
}

/** Returns `a × b`. */
export function times(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, exponent: a.exponent + b.exponent };
}

/** Returns a number below, equal to or above 0 as `a` is below, equal to or above `b`. */
export function compare(a: Decimal, b: Decimal): number {
  const { digits } = minus(a, b);
  return digits < 0n ? -1 : Number(digits > 0n);
}

/** Returns `a / b` as the nearest number, or one beside it; `b` is not 0. */
export function quotient(a: Decimal, b: Decimal): number {
  // 40 digits are more than a number has, whatever the digits of the divisor.
  const shift = Math.max(0, 40 + String(b.digits).length - String(a.digits).length);
  const digits = (a.digits * 10n ** BigInt(shift)) / b.digits;
  return Number(`${digits}e${a.exponent - b.exponent - shift}`);
}

/** Returns the nearest number. */
export function toNumber({ digits, exponent }: Decimal): number {
  return Number(`${digits}e${exponent}`);
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}
