// What is under way is kept in tables of our own: they are as a Map and a Set are.
import { Flight } from '../../js/src/memory/flight.js';
import { Flights } from '../../js/src/memory/flights.js';
import { type Listed, OpenList } from '../../js/src/tiers/open-list.js';
import { forEachSeed } from './support/random.js';

const flightOf = (load: number) => new Flight<number>(load, 0, 1);

/** As the engine numbers loads: a slot, and a generation in front of it. */
const numberOf = (slot: number, generation: number) => generation * 2 ** 20 + slot;

test('flights are found by their numbers for as long as they are there', () =>
  forEachSeed(50, (random) => {
    const flights = new Flights<number>();
    const model = new Map<number, Flight<number>>();
    for (let i = 0; i < 400; i++) {
      const load = numberOf(random.below(random.below(2) === 0 ? 8 : 300), random.below(3) * 2 ** 30);
      const what = random.below(100);
      if (what === 0) {
        flights.clear();
        model.clear();
      } else if (what < 40) {
        flights.delete(load);
        model.delete(load);
      } else if (!model.has(load)) {
        const flight = flightOf(load);
        flights.add(flight);
        model.set(load, flight);
      }
      expect(flights.get(load)).toBe(model.get(load));
    }
    for (const [load, flight] of model) expect(flights.get(load)).toBe(flight);
    expect(new Set(flights.all())).toEqual(new Set(model.values()));
  }));

test('a flight that is gone does not lead to those that are there', () => {
  const flights = new Flights<number>();
  const [first, second, third] = [1, 2, 3].map((generation) => flightOf(numberOf(5, generation))) as [
    Flight<number>,
    Flight<number>,
    Flight<number>,
  ];
  for (const flight of [first, second, third]) flights.add(flight);
  for (const { load } of [second, third]) flights.delete(load);
  expect([second.next, third.next]).toEqual([undefined, undefined]);
  expect(flights.all()).toEqual([first]);
});

test('what is added to a list is in it until it is taken out', () =>
  forEachSeed(50, (random) => {
    const list = new OpenList<Listed>();
    const model = new Set<Listed>();
    const items = Array.from({ length: 20 }, (): Listed => ({ place: -1 }));
    for (let i = 0; i < 300; i++) {
      const item = items[random.below(items.length)] as Listed;
      if (random.below(2) === 0) {
        list.delete(item);
        model.delete(item);
      } else if (!model.has(item)) {
        list.add(item);
        model.add(item);
      }
      expect(list.size).toBe(model.size);
      expect(new Set(list.all())).toEqual(model);
    }
  }));
