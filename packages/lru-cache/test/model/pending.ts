import type { Choices } from "./choices.ts";

/** Entry I/O that hangs until told. */
export interface Pending {
  /** How much hangs. */
  readonly count: number;
  /** Has `settle` called when its turn has come. */
  add(label: string, settle: () => void): void;
  /** Lets one of those that hang, whichever, come to its end. */
  settleOne(): Promise<void> | void;
}

/** What hangs comes to its end in the order that the choices pick. */
export class ChosenPending implements Pending {
  readonly #choices: Choices;
  readonly #waiting: (() => void)[] = [];

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  get count(): number {
    return this.#waiting.length;
  }

  add(_: string, settle: () => void): void {
    this.#waiting.push(settle);
  }

  settleOne(): void {
    const [settle] = this.#waiting.splice(this.#choices.pick(this.#waiting.length), 1);
    settle?.();
  }
}
