// Ten months of conversations: what a person tells, and what they ask about months later in other words. The same for the same seed.

export interface ToldFact {
  /** As the agent notes it. */
  text: string;
  /** Asked for later; shares a name or a thing with the fact, hardly more. */
  question: string;
}

export interface ScriptedSession {
  facts: readonly ToldFact[];
  /** Index of a fact of an earlier session, counted over all; undefined: small talk. */
  asks: number | undefined;
}

const NAMES = (
  'Anna Boris Clara David Elena Farid Greta Henrik Ines Jakob Karin Leon Maria Nils Olga Pavel Quirin Rosa Stefan Tara Ulrich Vera Walter ' +
  'Xenia Yusuf Zoe Amira Bruno Carla Dmitri'
).split(' ');
const PLACES = 'cabin office garage cellar studio boathouse attic greenhouse workshop flat'.split(' ');
const DEVICES = 'dishwasher printer bicycle boiler laptop drone piano telescope mower camera'.split(' ');
const CITIES = 'Lisbon Oslo Kyoto Bogota Nairobi Tallinn Porto Seville Krakow Ghent'.split(' ');
const PROJECTS = 'Falcon Juniper Kestrel Lynx Magnolia Nimbus Orchid Puffin Quartz Raven'.split(' ');
const WORDS = 'walnut copper meadow harbour lantern thistle velvet granite ember saffron juniper tundra'.split(' ');
const FOODS = 'peanuts shellfish celery sesame mustard lupin gluten soy'.split(' ');

type Pick = <Item>(items: readonly Item[]) => Item;

const TEMPLATES: readonly ((pick: Pick, number: number) => ToldFact)[] = [
  (pick, n) => {
    const name = pick(NAMES);
    return { text: `${name} was born on ${1 + (n % 28)} May ${1950 + (n % 50)}`, question: `How old is ${name} now?` };
  },
  (pick) => {
    const name = pick(NAMES);
    return {
      text: `${name} is allergic to ${pick(FOODS)}`,
      question: `What must I not cook when ${name} comes for dinner?`,
    };
  },
  (pick, n) => {
    const name = pick(NAMES);
    return {
      text: `${name} works for ${pick(WORDS)} Ltd since 20${10 + (n % 15)}`,
      question: `Where is ${name} employed?`,
    };
  },
  (pick, n) => {
    const place = pick(PLACES);
    return {
      text: `Wifi in the ${place}: password ${pick(WORDS)}${n}`,
      question: `How do I get online in the ${place}?`,
    };
  },
  (pick, n) => {
    const place = pick(PLACES);
    return {
      text: `The key of the ${place} is under stone number ${n}`,
      question: `I am locked out of the ${place}, what now?`,
    };
  },
  (pick, n) => {
    const device = pick(DEVICES);
    return {
      text: `The ${device} was repaired by ${pick(NAMES)} for ${40 + n} euros`,
      question: `Who fixed my ${device}?`,
    };
  },
  (pick, n) => {
    const city = pick(CITIES);
    return {
      text: `In ${city} the hotel ${pick(WORDS)} was good, room ${n}`,
      question: `Book me a place to sleep in ${city} please`,
    };
  },
  (pick, n) => {
    const project = pick(PROJECTS);
    return {
      text: `Project ${project} keeps its data in ${pick(WORDS)}db, port ${5000 + n}`,
      question: `What did we choose as storage for ${project}?`,
    };
  },
];

const SMALL_TALK = 'Good morning! How was your weekend, anything new?';

export function smallTalk(): string {
  return SMALL_TALK;
}

/** Two facts a session; from the fiftieth on each asks for one that was told at least forty sessions before. */
export function writeSessions(count: number, seed: number): readonly ScriptedSession[] {
  let state = seed;
  const random = () => {
    // https://en.wikipedia.org/wiki/Lehmer_random_number_generator (read 2026-11-21)
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const pick: Pick = (items) => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick');
    return item;
  };
  return Array.from({ length: count }, (_, session) => ({
    facts: [0, 1].map((at) => pick(TEMPLATES)(pick, session * 2 + at)),
    asks: session < 50 ? undefined : Math.floor(random() * (session - 40) * 2),
  }));
}
