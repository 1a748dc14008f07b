import type { Context } from "./command.js";
import { fixed } from "./sizes.js";

/** Tells how far long work has come, as qemu-img does: `    (12.34/100%)` over and over on one line. */
export class Progress {
  readonly #context: Context | undefined;
  readonly #total: number;
  #done = 0;
  #shown = -1;

  /**
   * @param enabled whether to tell at all
   * @param total how much there is to do
   */
  constructor(context: Context, enabled: boolean, total: number) {
    this.#context = enabled ? context : undefined;
    this.#total = total;
    this.#show(0);
  }

  /** So much more is done. */
  add(amount: number): void {
    this.#done += amount;
    const percent = this.#total === 0 ? 100 : (100 * this.#done) / this.#total;
    if (percent - this.#shown >= 1) this.#show(percent);
  }

  /** All is done; ends the line. */
  async finish(): Promise<void> {
    this.#show(100);
    await this.#context?.print("\n");
  }

  #show(percent: number): void {
    this.#shown = percent;
    // Where nobody reads any more, what is printed next says so.
    this.#context?.host.stdout.write(`    (${fixed(percent, 2)}/100%)\r`);
  }
}
