import type { Backend } from "@instar/backend";

import type { Engine } from "./engine.js";

/** What changes that are no requests of a backend need of their image. */
export interface ImageHost {
  readonly engine: Engine;
  readonly backing: Backend | undefined;
  /** Waits until a change of the image may begin; throws where none may. */
  readonly prepare: () => Promise<void>;
  /** Runs a change while no request is under way. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
}
