// Category `arithmetic`: word problems of two to four steps. Amounts are reckoned in whole cents.
import { firstName } from './random.mjs';

const END = "Show your working and end with a line 'A: <number>'.";
const dollars = (cents) => `$${cents % 100 === 0 ? cents / 100 : (cents / 100).toFixed(2)}`;

function change(random) {
  const name = firstName(random);
  const [books, pens] = [random.integer(2, 9), random.integer(2, 12)];
  const [book, pen] = [random.integer(15, 60) * 10 + 5, random.integer(5, 19) * 5];
  const spent = books * book + pens * pen;
  const paid = Math.ceil(spent / 2000) * 2000;
  return {
    difficulty: 'medium',
    tags: ['money', 'subtraction'],
    input:
      `${name} buys ${books} notebooks at ${dollars(book)} each and ${pens} pens at ${dollars(pen)} each and pays with ` +
      `${dollars(paid)}. How many dollars of change does ${name} get? ${END}`,
    expected: (paid - spent) / 100,
  };
}

function tank(random) {
  const [tens, percent] = [random.integer(20, 90), random.integer(1, 9) * 10];
  const [rate, minutes, drawn] = [random.integer(3, 15), random.integer(5, 30), random.integer(5, 60)];
  return {
    difficulty: 'medium',
    tags: ['percent', 'rate'],
    input:
      `A tank that holds ${tens * 10} litres is ${percent}% full. A pump adds ${rate} litres per minute for ${minutes} ` +
      `minutes, then ${drawn} litres are drawn off. How many litres are in the tank, if none ran over? ${END}`,
    expected: (tens * percent) / 10 + rate * minutes - drawn,
  };
}

function bakery(random) {
  const [rows, columns, trays] = [random.integer(3, 6), random.integer(4, 8), random.integer(5, 25)];
  const [burnt, bag] = [random.integer(2, 19), random.integer(4, 9)];
  return {
    difficulty: 'hard',
    tags: ['multiplication', 'remainder'],
    input:
      `A bakery fills ${trays} trays with ${rows} rows of ${columns} rolls each. ${burnt} rolls are burnt and the rest is ` +
      `packed in bags of ${bag}. How many full bags are there? ${END}`,
    expected: Math.floor((rows * columns * trays - burnt) / bag),
  };
}

function bill(random) {
  const [friends, percent] = [random.integer(2, 8), random.pick([5, 10, 15, 20])];
  const each = random.integer(8, 40);
  // Whole dollars each before the tip, so that what each pays is a whole number of cents.
  const total = friends * each;
  return {
    difficulty: 'medium',
    tags: ['money', 'percent'],
    input:
      `${friends} friends share a bill of $${total} and add a tip of ${percent}%, split evenly. How many dollars does ` +
      `each of them pay? ${END}`,
    expected: (each * (100 + percent)) / 100,
  };
}

function savings(random) {
  const name = firstName(random);
  const [first, more, weeks] = [random.integer(5, 40), random.integer(2, 9), random.integer(4, 14)];
  return {
    difficulty: 'hard',
    tags: ['money', 'series'],
    input:
      `${name} saves $${first} in the first week and in every later week $${more} more than in the week before. How many ` +
      `dollars has ${name} saved after ${weeks} weeks? ${END}`,
    expected: Array.from({ length: weeks }, (_, week) => first + more * week).reduce((sum, week) => sum + week, 0),
  };
}

function crates(random) {
  const [crate, count, sold] = [random.integer(12, 48), random.integer(4, 20), random.integer(10, 47)];
  return {
    difficulty: 'easy',
    tags: ['multiplication', 'subtraction'],
    input: `A stall receives ${count} crates of ${crate} apples and sells ${sold} apples. How many apples are left? ${END}`,
    expected: crate * count - sold,
  };
}

export const arithmetic = [change, tank, bakery, bill, savings, crates];
