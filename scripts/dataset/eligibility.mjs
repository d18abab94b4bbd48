// Category `eligibility`: apply stated rules to an applicant and answer with structured JSON.
import { fullName } from './random.mjs';

/** Which of `[name, met]` are not met, and whether that leaves the applicant eligible. */
function verdict(rules) {
  const unmet = rules.filter(([, met]) => !met).map(([name]) => name);
  return { eligible: unmet.length === 0, unmet };
}

function housingGrant(random) {
  const [youngest, oldest] = [random.integer(18, 21), random.integer(60, 70)];
  const [base, perDependant] = [random.integer(24, 36) * 1000, random.integer(8, 14) * 500];
  const years = random.integer(1, 5);
  const age = random.chance(75) ? random.integer(youngest, oldest) : random.integer(oldest + 1, oldest + 12);
  const dependants = random.integer(0, 4);
  const limit = base + perDependant * dependants;
  const income = limit + random.pick([-6200, -3450, -1, 0, 0, 1, 2780]);
  const residence = random.chance(75) ? random.integer(years, years + 9) : random.integer(0, years - 1);
  return {
    difficulty: 'medium',
    tags: ['rules', 'housing'],
    input:
      `Programme: Harbour Housing Grant. Rules: age from ${youngest} to ${oldest}; yearly income at most ${base} plus ` +
      `${perDependant} for each dependant; resident for at least ${years} years.\n` +
      `Applicant: ${fullName(random)}, age ${age}, yearly income ${income}, dependants ${dependants}, ` +
      `resident for ${residence} years.\n` +
      'Reply with JSON: {"eligible": true or false, "unmet": the rules not met out of "age", "income", "residence" in ' +
      'this order, "incomeLimit": a number}.',
    expected: {
      ...verdict([
        ['age', age >= youngest && age <= oldest],
        ['income', income <= limit],
        ['residence', residence >= years],
      ]),
      incomeLimit: limit,
    },
  };
}

function equipmentLoan(random) {
  const [score, months, loans] = [random.integer(60, 85), random.integer(6, 24), random.integer(2, 5)];
  const has = { score: random.integer(score - 8, 100), months: random.integer(1, months + 3) };
  const open = random.integer(0, loans + 1);
  return {
    difficulty: 'easy',
    tags: ['rules', 'equipment'],
    input:
      `Programme: Makerspace Equipment Loan. Rules: training score at least ${score}; certificate at most ${months} ` +
      `months old; fewer than ${loans} open loans.\n` +
      `Applicant: ${fullName(random)}, training score ${has.score}, certificate ${has.months} months old, ` +
      `open loans ${open}.\n` +
      'Reply with JSON: {"eligible": true or false, "unmet": the rules not met out of "training", "certificate", ' +
      '"loans" in this order, "loansLeft": how many more loans may be opened}.',
    expected: {
      ...verdict([
        ['training', has.score >= score],
        ['certificate', has.months <= months],
        ['loans', open < loans],
      ]),
      loansLeft: Math.max(0, loans - open),
    },
  };
}

const clock = (seconds) =>
  [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part, i) => String(part).padStart(i === 0 ? 1 : 2, '0'))
    .join(':');

function raceStart(random) {
  const young = random.integer(170, 195) * 60;
  const old = young + random.integer(10, 25) * 60;
  const finishes = random.integer(1, 4);
  const age = random.pick([random.integer(19, 39), 39, 40, random.integer(40, 63)]);
  const limit = age < 40 ? young : old;
  const time = limit + random.pick([-1215, -304, -1, 0, 1, 187, 940]);
  const done = random.integer(Math.max(0, finishes - 1), finishes + 3);
  const paid = random.chance(80);
  return {
    difficulty: 'hard',
    tags: ['rules', 'race', 'conditional'],
    input:
      `Programme: River Marathon Elite Start. Rules: qualifying time at most ${clock(young)} under the age of 40 and ` +
      `at most ${clock(old)} from 40 on; at least ${finishes} marathons finished; entry fee paid.\n` +
      `Applicant: ${fullName(random)}, age ${age}, qualifying time ${clock(time)}, marathons finished ${done}, ` +
      `entry fee ${paid ? 'paid' : 'not paid'}.\n` +
      'Reply with JSON: {"eligible": true or false, "unmet": the rules not met out of "time", "finishes", "fee" in ' +
      'this order, "timeLimit": "h:mm:ss"}.',
    expected: {
      ...verdict([
        ['time', time <= limit],
        ['finishes', done >= finishes],
        ['fee', paid],
      ]),
      timeLimit: clock(limit),
    },
  };
}

export const eligibility = [housingGrant, equipmentLoan, raceStart];
