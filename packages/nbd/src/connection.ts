import type { Duplex } from "node:stream";
import { ByteReader } from "./byte-reader.js";
import type { NbdExport } from "./nbd-export.js";
import { Negotiation } from "./negotiation.js";
import { ReplyWriter } from "./reply-writer.js";
import { Transmission } from "./transmission.js";

/** One client, from the greeting to the end. */
export class Connection {
  readonly #stream: Duplex;
  readonly #reader: ByteReader;
  readonly #exports: readonly NbdExport[];
  #transmission: Transmission | undefined;

  constructor(stream: Duplex, exports: readonly NbdExport[]) {
    this.#stream = stream;
    this.#reader = new ByteReader(stream);
    this.#exports = exports;
  }

  /** Takes no further request. */
  stop(): void {
    this.#reader.stop();
    this.#transmission?.stop();
  }

  /** Resolves when the client is gone and what it asked for is done. Never rejects: what fails is the client's loss. */
  async run(): Promise<void> {
    try {
      const agreement = await new Negotiation(this.#reader, this.#stream, this.#exports).run();
      if (agreement !== undefined) {
        const replies = new ReplyWriter(this.#stream, agreement.structured);
        this.#transmission = new Transmission(this.#reader, replies, agreement);
        await this.#transmission.run();
      }
    } catch {
      // The stream ended, or broke: both are how a client leaves.
    }
    await this.#transmission?.finish();
    this.#stream.end(() => this.#stream.destroy());
  }
}
