import { type ByteReader } from "./byte-reader.js";
import { blockStates } from "./block-states.js";
import { Budget } from "./budget.js";
import { writeZeroes } from "./change.js";
import { isWritable } from "./nbd-export.js";
import { type Agreement, ALLOCATION_CONTEXT } from "./negotiation.js";
import { COMMAND, COMMAND_FLAG, MAX_PAYLOAD, REQUEST_MAGIC } from "./protocol.js";
import { type ReplyWriter } from "./reply-writer.js";
import { ERRNO, errnoOf, RequestError } from "./request-error.js";

interface Request {
  readonly flags: number;
  readonly type: number;
  readonly cookie: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

/** Hands the reply to the stream; settles when it has left. */
type Reply = () => Promise<void>;

const CHANGES: readonly number[] = [COMMAND.write, COMMAND.trim, COMMAND.writeZeroes];

/** The requests of one connection after its handshake: many at once, answered as each is done. */
export class Transmission {
  readonly #reader: ByteReader;
  readonly #replies: ReplyWriter;
  readonly #agreement: Agreement;
  readonly #budget = new Budget();
  readonly #underWay = new Set<Promise<void>>();

  constructor(reader: ByteReader, replies: ReplyWriter, agreement: Agreement) {
    this.#reader = reader;
    this.#replies = replies;
    this.#agreement = agreement;
  }

  /** Takes no further request. */
  stop(): void {
    this.#budget.stop();
  }

  /** Takes requests until the client disconnects or breaks the rules. Rejects where the stream ends. */
  async run(): Promise<void> {
    for (;;) {
      const head = this.#reader.ready(28) ?? (await this.#reader.bytes(28));
      if (head.readUInt32BE() !== REQUEST_MAGIC) return;
      const request: Request = {
        flags: head.readUInt16BE(4),
        type: head.readUInt16BE(6),
        cookie: head.subarray(8, 16),
        offset: Number(head.readBigUInt64BE(16)),
        length: head.readUInt32BE(24),
      };
      if (request.type === COMMAND.disconnect) return;
      const isWrite = request.type === COMMAND.write;
      if (isWrite && request.length > MAX_PAYLOAD) return;
      const carries = isWrite || (request.type === COMMAND.read && request.length <= MAX_PAYLOAD);
      const held = carries ? request.length : 0;
      await this.#budget.take(held);
      const payload = isWrite ? await this.#payload(request.length) : undefined;
      const task = this.#answer(request, payload, held).finally(() => this.#underWay.delete(task));
      this.#underWay.add(task);
    }
  }

  #payload(length: number): Buffer | Promise<Buffer> {
    return this.#reader.ready(length) ?? this.#reader.bytes(length);
  }

  /** Resolves when what was taken is done. */
  async finish(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  // Done when the reply is handed to the stream. What the request holds is given back when the reply has left.
  async #answer(request: Request, payload: Uint8Array | undefined, held: number): Promise<void> {
    let reply: Reply;
    try {
      this.#check(request);
      reply = await this.#perform(request, payload);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      reply = () => this.#replies.failure(request.cookie, errnoOf(error), message);
    }
    void reply().then(() => this.#budget.give(held));
  }

  #check({ type, offset, length, flags }: Request): void {
    const { disk, size } = this.#agreement;
    if (CHANGES.includes(type) && !isWritable(disk))
      throw new RequestError(ERRNO.permission, "the export is read-only");
    if (type === COMMAND.flush) return;
    if (offset + length > size) {
      const errno = type === COMMAND.write || type === COMMAND.writeZeroes ? ERRNO.noSpace : ERRNO.invalid;
      throw new RequestError(errno, `bytes ${offset}+${length} are not within the ${size} of the export`);
    }
    if (type === COMMAND.read && length > MAX_PAYLOAD) {
      throw new RequestError(ERRNO.overflow, `a read is of at most ${MAX_PAYLOAD} bytes`);
    }
    if ((flags & ~31) !== 0) throw new RequestError(ERRNO.invalid, "there are unknown flags");
  }

  async #perform({ type, cookie, offset, length, flags }: Request, payload: Uint8Array | undefined): Promise<Reply> {
    const { backend } = this.#agreement.disk;
    switch (type) {
      case COMMAND.read: {
        const bytes = Buffer.allocUnsafe(length);
        await backend.read(bytes, offset);
        return () => this.#replies.data(cookie, offset, bytes);
      }
      case COMMAND.write:
        if (payload !== undefined) await backend.write(payload, offset);
        break;
      case COMMAND.trim:
        await backend.discard(offset, length);
        break;
      case COMMAND.writeZeroes:
        await writeZeroes(backend, offset, length, flags);
        break;
      case COMMAND.flush:
        if (isWritable(this.#agreement.disk)) await backend.sync();
        break;
      case COMMAND.blockStatus: {
        if (!this.#agreement.allocation || length === 0) {
          throw new RequestError(ERRNO.invalid, "no context was agreed on, or the range is empty");
        }
        const states = await blockStates(backend, offset, length, (flags & COMMAND_FLAG.requestOne) !== 0);
        return () => this.#replies.blockStatus(cookie, ALLOCATION_CONTEXT, states);
      }
      default:
        throw new RequestError(ERRNO.invalid, `there is no command ${type}`);
    }
    if (CHANGES.includes(type) && (flags & COMMAND_FLAG.fua) !== 0) await backend.sync();
    return () => this.#replies.done(cookie);
  }
}
