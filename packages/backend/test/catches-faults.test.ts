import { describe, expect, it } from "vitest";
import { abortFaults } from "./broken/abort-faults.js";
import { allocateFaults } from "./broken/allocate-faults.js";
import { Delegate } from "./broken/delegate.js";
import { BLOCK, faultyFactory } from "./broken/fault.js";
import { lifeFaults } from "./broken/life-faults.js";
import { rangeFaults } from "./broken/range-faults.js";
import { readFaults } from "./broken/read-faults.js";
import { writeFaults } from "./broken/write-faults.js";
import { memoryFactory } from "./memory-factory.js";
import { runKit } from "./tiny-runner.js";

const faults = [...readFaults, ...writeFaults, ...rangeFaults, ...allocateFaults, ...lifeFaults, ...abortFaults];

/** The rules that a fault has made fail, and all that were tried. */
const noticed = new Set<string>();
const tried = new Set<string>();

describe("the conformance kit catches a backend where", () => {
  for (const fault of faults) {
    it(fault.fault, async () => {
      const outcomes = await runKit(faultyFactory(fault), { seed: 1 });
      const failed = outcomes.filter(({ error }) => error !== undefined).map(({ title }) => title);
      for (const { title } of outcomes) tried.add(title);
      for (const title of failed) noticed.add(title);
      expect(failed).toContain(fault.rule);
      // A fault that broke everything would prove nothing about the rule.
      expect(failed.length).toBeLessThan(outcomes.length * 0.75);
    });
  }

  it("any other rule is broken: each of them has failed for one of the faults above", () => {
    expect([...tried].filter((title) => !noticed.has(title))).toEqual([]);
  });
});

describe("the conformance kit", () => {
  it("finds nothing wrong with the backend that the faults are put into", async () => {
    const outcomes = await runKit(memoryFactory("memory", { blockSize: BLOCK }), { seed: 1 });
    expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it("finds nothing wrong with what passes everything on", async () => {
    const outcomes = await runKit(
      memoryFactory("memory", { blockSize: BLOCK }, (inner) => new Delegate(inner)),
      { seed: 1 },
    );
    expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });
});
