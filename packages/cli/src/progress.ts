import type { Context } from "./command.js";
import { fixed, formatSize } from "./sizes.js";

/** How often a terminal is told at least, in milliseconds. */
const OFTEN = 500;

/**
 * Tells how far long work on bytes has come, as qemu-img does: `    (12.34/100%)` over and over on one line. A terminal is
 * also told how fast it goes, and how long it may take yet. Who asks by a signal is answered on standard error, whether
 * telling is enabled or not.
 */
export class Progress {
  readonly #context: Context;
  readonly #enabled: boolean;
  readonly #total: number;
  readonly #begun: number;
  readonly #answer: () => void;
  #done = 0;
  #shown = -1;
  #shownAt: number;
  #width = 0;

  /**
   * @param enabled whether to tell without being asked
   * @param total how many bytes there are to do
   */
  constructor(context: Context, enabled: boolean, total: number) {
    this.#context = context;
    this.#enabled = enabled;
    this.#total = total;
    this.#begun = context.host.now();
    this.#shownAt = this.#begun;
    this.#answer = () => void context.host.stderr.write(`    (${fixed(this.#percent(), 2)}/100%)\n`);
    context.asked.add(this.#answer);
    this.#show();
  }

  /** So many bytes more are done. */
  add(bytes: number): void {
    this.#done += bytes;
    if (!this.#enabled) return;
    const due = this.#percent() - this.#shown >= 1;
    if (due || (this.#isTerminal() && this.#context.host.now() - this.#shownAt >= OFTEN)) this.#show();
  }

  /** All is done; ends the line. */
  async finish(): Promise<void> {
    this.#context.asked.delete(this.#answer);
    this.#done = this.#total;
    this.#show();
    if (this.#enabled) await this.#context.print("\n");
  }

  #percent(): number {
    return this.#total === 0 ? 100 : (100 * this.#done) / this.#total;
  }

  #isTerminal(): boolean {
    return this.#context.host.stdout.isTTY === true;
  }

  #show(): void {
    if (!this.#enabled) return;
    this.#shown = this.#percent();
    this.#shownAt = this.#context.host.now();
    const text = `    (${fixed(this.#shown, 2)}/100%)${this.#isTerminal() ? this.#speed() : ""}`;
    // What was longer before must not stand behind it.
    const line = text.padEnd(this.#width);
    this.#width = text.length;
    // Where nobody reads any more, what is printed next says so.
    this.#context.host.stdout.write(`${line}\r`);
  }

  /** How fast it has gone so far, and how long the rest takes at that. */
  #speed(): string {
    const seconds = (this.#shownAt - this.#begun) / 1000;
    if (seconds < 1 || this.#done === 0) return "";
    const rate = this.#done / seconds;
    const rest = Math.ceil((this.#total - this.#done) / rate);
    return ` ${formatSize(rate)}/s${rest > 0 ? `, ${clock(rest)} left` : ""}`;
  }
}

/** `1:02:03`, `2:03`. */
function clock(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
