import type { Backend } from "@instar/backend";

import type { Engine } from "./engine.js";

/** What changes that are no requests of a backend need of their image. */
export interface ImageHost {
  /** Its parts; {@link renew} replaces them, so that what is taken out of it is not good for longer than a turn. */
  readonly engine: Engine;
  readonly backing: Backend | undefined;
  /** How many disks of snapshots are open, by the id of the snapshot. */
  readonly openSnapshots: Map<string, number>;
  /** Waits until a change of the image may begin; throws where none may. */
  readonly prepare: () => Promise<void>;
  /** Runs a change while no request is under way. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  /** Makes the parts anew after a change of what they take for fixed. No request is under way. */
  readonly renew: () => Promise<void>;
}
