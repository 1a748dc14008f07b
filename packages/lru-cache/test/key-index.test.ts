import { describe, expect, it } from "vitest";
import { KeyIndex } from "../src/key-index.js";
import { randomOf, seedOf } from "./support/random.js";

type Key = number | string | symbol | undefined | object;

/** Keys of every kind, some of them in a row, some far apart, few enough that most come more than once. */
function keyOf(random: () => number): Key {
  const kind = Math.floor(random() * 9);
  const number = Math.floor(random() * 300);
  switch (kind) {
    case 0:
      return number;
    case 1:
      return number * 4096;
    case 2:
      return number * 2 ** 31;
    case 3:
      return number * 2 ** 43 + 1;
    case 4:
      return -number - 0.5;
    case 5:
      return `key ${number}`;
    case 6:
      return [0, -0, NaN, Infinity, -Infinity, Number.MAX_SAFE_INTEGER, Number.MIN_VALUE][number % 7];
    case 7:
      return [undefined, "", OBJECT, SYMBOL][number % 4];
    default:
      return 2 ** 32 + number;
  }
}

const OBJECT = {};
const SYMBOL = Symbol("key");

describe("the index of keys", () => {
  it("tells keys apart as a Map does", () => {
    const seed = seedOf();
    console.info(`seed ${seed}: INSTAR_SEED=${seed} repeats this run`);
    const random = randomOf(seed);
    const index = new KeyIndex<Key>();
    const reference = new Map<Key, number>();
    const free: number[] = [];
    let capacity = 0;
    for (let step = 0; step < 20_000; step++) {
      // It grows for a while, and then shrinks.
      const grows = random() < (step % 8000 < 4000 ? 0.7 : 0.3);
      const key = keyOf(random);
      const slot = reference.get(key);
      expect(index.get(key)).toBe(slot);
      if (slot === undefined && grows) {
        const taken = free.pop() ?? capacity++;
        index.add(key, taken, capacity);
        reference.set(key, taken);
      } else if (slot !== undefined && !grows) {
        expect(index.keyAt(slot)).toBe([...reference].find(([, other]) => other === slot)?.[0]);
        index.remove(slot);
        reference.delete(key);
        free.push(slot);
      }
      expect(index.size).toBe(reference.size);
      if (step % 1000 === 0) {
        const byNumber = (a: number, b: number) => a - b;
        expect([...index.slots()].toSorted(byNumber)).toEqual([...reference.values()].toSorted(byNumber));
      }
    }
  });

  it("takes memory for what is there, after it was large", () => {
    const index = new KeyIndex<number>();
    for (let key = 0; key < 100_000; key++) index.add(key, key, 100_000);
    for (let key = 10; key < 100_000; key++) index.remove(key);
    expect([...index.slots()].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (let key = 0; key < 10; key++) expect(index.get(key)).toBe(key);
    expect(index.get(10)).toBeUndefined();
  });
});
