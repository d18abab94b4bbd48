/** The local model's solver for conversions of units. */
import { numericSolution, type Solver } from './solution.js';

/** Units in the base unit of their kind (metre, gram, minute, litre). */
const IN_BASE: Record<string, number> = {
  metres: 1,
  kilometres: 1000,
  miles: 1609.344,
  feet: 0.3048,
  grams: 1,
  kilograms: 1000,
  pounds: 453.59237,
  ounces: 28.349523,
  minutes: 1,
  hours: 60,
  days: 1440,
  litres: 1,
  millilitres: 0.001,
  'US gallons': 3.785412,
  'US cups': 0.236588,
};

const TEMPERATURE: Record<string, (degrees: number) => number> = {
  Fahrenheit: (celsius) => (celsius * 9) / 5 + 32,
  Celsius: (fahrenheit) => ((fahrenheit - 32) * 5) / 9,
};

/** Solves conversions. A slip is off by a tenth, as when a figure is misread. */
export const units: Solver = (problem) => {
  const asked = /Convert (-?[\d.]+\d|\d) (degrees )?([\w ]+?) to (?:degrees )?([\w ]+?)\./.exec(problem);
  if (!asked) return undefined;
  const [, amount, degrees, from, to] = asked;
  const value = degrees
    ? TEMPERATURE[to!]?.(Number(amount))
    : (Number(amount) * (IN_BASE[from!] ?? Number.NaN)) / (IN_BASE[to!] ?? Number.NaN);
  if (value === undefined || Number.isNaN(value)) return undefined;
  return numericSolution(`${amount} ${from} in ${to}`, Math.round(value * 100) / 100, 0.1);
};
