import type { BackendFactory, Subject } from "../../src/conformance/index.js";
import { type Backend, type Capabilities, MemoryBackend } from "../../src/index.js";
import { memoryFactory } from "../memory-factory.js";

/** The block size that the kit is told, and that faults go by. */
export const BLOCK = 1024;

/** A backend that breaks one rule. */
export interface Fault {
  /** What it does wrong. */
  readonly fault: string;
  /** Title of the test that must fail, with that of its group. */
  readonly rule: string;
  /** Where its manifest differs from that of a memory backend. */
  readonly manifest?: Partial<Capabilities>;
  /** Puts the fault around a memory backend that has none. */
  readonly wrap: (inner: MemoryBackend, manifest: Capabilities) => Backend;
  /** Breaks what the factory gives, where the fault is in opening. */
  readonly reopened?: (subject: Subject) => Subject;
}

/** A factory of the broken backends. */
export function faultyFactory({ fault, manifest, wrap, reopened }: Fault): BackendFactory {
  const layout = { blockSize: BLOCK };
  const capabilities = { ...new MemoryBackend().capabilities, ...manifest };
  const broken = memoryFactory(fault, layout, (inner) => wrap(inner, capabilities));
  return {
    ...broken,
    capabilities,
    create: async (contents) => {
      const subject = await broken.create(contents);
      return reopened ? reopened(subject) : subject;
    },
  };
}

/** Lets others run, as storage does. */
export async function pause(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await Promise.resolve();
}
