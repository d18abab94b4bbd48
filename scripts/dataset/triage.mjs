// Category `triage`: which desk a customer's message belongs to.

const CONCERNS = {
  billing: [
    'I was charged twice for the same month.',
    'My invoice shows a tax rate that does not apply to me.',
    'The refund you promised has not arrived.',
    'Please explain the extra fee on my bill.',
    'My card was debited after I had cancelled.',
  ],
  delivery: [
    'My parcel has been in transit for nine days.',
    'The courier left the box at the wrong address.',
    'The tracking page has not changed since Monday.',
    'Only one of the two packages was delivered.',
    'Can the shipment be sent to a pick-up point?',
  ],
  account: [
    'I cannot log in since I changed my phone.',
    'The password reset mail never comes.',
    'Please change the user name of my profile.',
    'My account was locked after three attempts.',
    'How do I turn on two-factor sign-in?',
  ],
  defect: [
    'The screen flickers when the lamp is dimmed.',
    'One of the hinges was broken out of the box.',
    'The kettle stopped working after a week.',
    'There is a crack along the side of the jug.',
    'The battery does not hold its charge.',
  ],
};

const OPENINGS = ['Hello,', 'Good morning,', 'Hi team,', 'To whom it may concern,', 'Dear support,', 'Hey,'];
const CLOSINGS = ['Thanks.', 'Kind regards.', 'Please advise.', 'Best wishes.', 'Looking forward to your reply.'];
const CHATTER = [
  'I have been with you since spring.',
  'Your shop was recommended by a neighbour.',
  'I am writing from the train.',
  'It is raining here.',
];
const TASK =
  'Sort the message to one desk: billing, delivery, account or defect. When there is more than one concern, the one ' +
  'called urgent counts. Reply with the name of the desk only.';

function oneConcern(random) {
  const desk = random.pick(Object.keys(CONCERNS));
  const words = [random.pick(OPENINGS), random.pick(CHATTER), random.pick(CONCERNS[desk]), random.pick(CLOSINGS)];
  return {
    difficulty: 'easy',
    tags: ['support', 'one-concern'],
    input: `${TASK}\nMessage: ${words.join(' ')}`,
    expected: desk,
  };
}

function twoConcerns(random) {
  const [desk, other] = random.shuffled(Object.keys(CONCERNS));
  const urgent = `This one is urgent: ${random.pick(CONCERNS[desk])}`;
  const concerns = random.shuffled([urgent, random.pick(CONCERNS[other])]);
  const words = [random.pick(OPENINGS), ...concerns, random.pick(CLOSINGS)];
  return {
    difficulty: 'hard',
    tags: ['support', 'two-concerns'],
    input: `${TASK}\nMessage: ${words.join(' ')}`,
    expected: desk,
  };
}

export const triage = [oneConcern, twoConcerns];
