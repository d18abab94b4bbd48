// Category `dates`: the calendar and the clock, reckoned here by counting days one by one.

const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

const leap = (year) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const monthLength = (year, month) => LENGTHS[month - 1] + (month === 2 && leap(year) ? 1 : 0);
const pad = (n) => String(n).padStart(2, '0');
const written = ({ year, month, day }) => `${year}-${pad(month)}-${pad(day)}`;

function dayAfter({ year, month, day }) {
  if (day < monthLength(year, month)) return { year, month, day: day + 1 };
  return month < 12 ? { year, month: month + 1, day: 1 } : { year: year + 1, month: 1, day: 1 };
}

function daysAfter(date, days) {
  let at = date;
  for (let i = 0; i < days; i += 1) at = dayAfter(at);
  return at;
}

/** 0 for Monday; 1 January 1900 was one. */
function weekday(date) {
  let days = 0;
  for (let year = 1900; year < date.year; year += 1) days += leap(year) ? 366 : 365;
  for (let month = 1; month < date.month; month += 1) days += monthLength(date.year, month);
  return (days + date.day - 1) % 7;
}

function anyDate(random) {
  const [year, month] = [random.integer(1996, 2036), random.integer(1, 12)];
  // The end of February and of the year come up more often than chance would have it.
  if (random.chance(25)) return { year, month: 2, day: random.integer(24, monthLength(year, 2)) };
  return { year, month, day: random.integer(1, monthLength(year, month)) };
}

function later(random) {
  const [date, days] = [anyDate(random), random.integer(8, 400)];
  return {
    difficulty: days > 60 ? 'hard' : 'medium',
    tags: ['calendar', 'addition'],
    input: `Which date is ${days} days after ${written(date)}? Reply with the date only, as YYYY-MM-DD.`,
    expected: written(daysAfter(date, days)),
  };
}

function between(random) {
  const [date, days] = [anyDate(random), random.integer(5, 500)];
  const end = written(daysAfter(date, days));
  return {
    difficulty: 'hard',
    tags: ['calendar', 'difference'],
    input: `How many days after ${written(date)} is ${end}? End with a line 'A: <number>'.`,
    expected: days,
  };
}

function dayOfWeek(random) {
  const date = anyDate(random);
  return {
    difficulty: 'medium',
    tags: ['calendar', 'weekday'],
    input: `On which day of the week does ${written(date)} fall? Reply with the name of the day only.`,
    expected: WEEKDAYS[weekday(date)],
  };
}

function endOfMeeting(random) {
  const [hour, minute] = [random.integer(0, 23), random.integer(0, 11) * 5];
  const [hours, minutes] = [random.integer(0, 9), random.integer(1, 59)];
  const end = hour * 60 + minute + hours * 60 + minutes;
  return {
    difficulty: 'easy',
    tags: ['clock', 'addition'],
    input:
      `A shift starts at ${pad(hour)}:${pad(minute)} and lasts ${hours} h ${minutes} min. At what time does it end? ` +
      'Reply with the time only, as HH:MM on a 24-hour clock.',
    expected: `${pad(Math.floor(end / 60) % 24)}:${pad(end % 60)}`,
  };
}

export const dates = [later, between, dayOfWeek, endOfMeeting];
