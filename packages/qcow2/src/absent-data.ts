import { DirectWrites } from "@instar/lru-cache";

import { Qcow2Error } from "./errors.js";
import type { GuestData } from "./guest-data.js";

/** Guest data that is not at hand: the image was opened for its metadata only. */
export class AbsentData implements GuestData {
  readonly name: string;
  readonly blankIsZero: boolean = false;
  readonly writes: DirectWrites = new DirectWrites({ name: "data", sync: () => undefined });
  readonly #end: () => number;

  /**
   * @param name of the file that would store it
   * @param end where in it clusters must begin before
   */
  constructor(name: string, end: () => number) {
    this.name = name;
    this.#end = end;
  }

  get end(): number {
    return this.#end();
  }

  read(): Promise<void> {
    return Promise.reject(this.#refusal("read"));
  }

  write(): Promise<void> {
    return Promise.reject(this.#refusal("written to"));
  }

  sync(): Promise<void> {
    return Promise.resolve();
  }

  #refusal(what: string): Qcow2Error {
    const message = `${this.name}: guest data cannot be ${what}: the image was opened with metadataOnly`;
    return new Qcow2Error("ERR_INVALID_OPTION", message, { field: "metadataOnly", value: "true" });
  }
}
