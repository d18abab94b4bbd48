/** The local model's solver for questions about dates and clock times, by the platform's calendar in UTC. */
import { numericSolution, type Solver } from './solution.js';

const DAY = 86_400_000;
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const written = (time: number) => new Date(time).toISOString().slice(0, 10);
const weekday = (time: number) => WEEKDAYS[new Date(time).getUTCDay()]!;
const clock = (minutes: number) =>
  [Math.floor(minutes / 60) % 24, minutes % 60].map((part) => String(part).padStart(2, '0')).join(':');

/** Solves questions about dates and times. A slip is a day or an hour late. */
export const dates: Solver = (problem) => {
  const later = /date is (\d+) days after (\d{4}-\d\d-\d\d)/.exec(problem);
  if (later) {
    const time = Date.parse(later[2]!) + Number(later[1]) * DAY;
    return { answer: written(time), slip: written(time + DAY) };
  }
  const between = /days after (\d{4}-\d\d-\d\d) is (\d{4}-\d\d-\d\d)/.exec(problem);
  if (between) {
    const [, start, end] = between;
    return numericSolution(`${end} less ${start} in days`, (Date.parse(end!) - Date.parse(start!)) / DAY);
  }
  const day = /day of the week does (\d{4}-\d\d-\d\d) fall/.exec(problem);
  if (day) {
    const time = Date.parse(day[1]!);
    return { answer: weekday(time), slip: weekday(time + DAY) };
  }
  const shift = /starts at (\d\d):(\d\d) and lasts (\d+) h (\d+) min/.exec(problem)?.slice(1).map(Number);
  if (shift) {
    const end = (shift[0]! + shift[2]!) * 60 + shift[1]! + shift[3]!;
    return { answer: clock(end), slip: clock(end + 60) };
  }
  return undefined;
};
