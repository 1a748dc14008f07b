import type { Duplex } from "node:stream";
import { Channel } from "./channel.js";
import type { NbdExport } from "./nbd-export.js";
import { Negotiation } from "./negotiation.js";
import { ReplyWriter } from "./reply-writer.js";
import type { NbdTlsOptions } from "./tls.js";
import { Transmission } from "./transmission.js";

/** One client, from the greeting to the end. */
export class Connection {
  readonly #channel: Channel;
  readonly #exports: readonly NbdExport[];
  #transmission: Transmission | undefined;

  constructor(stream: Duplex, exports: readonly NbdExport[], tls: NbdTlsOptions | undefined) {
    this.#channel = new Channel(stream, tls);
    this.#exports = exports;
  }

  /** Takes no further request. */
  stop(): void {
    this.#channel.stop();
    this.#transmission?.stop();
  }

  /** Resolves when the client is gone and what it asked for is done. Never rejects: what fails is the client's loss. */
  async run(): Promise<void> {
    try {
      const agreement = await new Negotiation(this.#channel, this.#exports).run();
      if (agreement !== undefined) {
        const replies = new ReplyWriter(this.#channel.stream, agreement.structured);
        this.#transmission = new Transmission(this.#channel.reader, replies, agreement);
        await this.#transmission.run();
      }
    } catch {
      // The stream ended, or broke: both are how a client leaves.
    }
    await this.#transmission?.finish();
    const { stream } = this.#channel;
    stream.end(() => stream.destroy());
  }
}
