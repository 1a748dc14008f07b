import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** What a server says to a request. */
export interface NbdReply {
  /** 0 for success. */
  readonly errno: number;
  /** Of a read; otherwise empty. */
  readonly data: Buffer;
  /** Of a block status: lengths and states by turns. */
  readonly states: readonly number[];
}

/** Numbers of the protocol, written down anew: a test that took them from the server would not see them change. */
export const NBD = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  writeZeroes: 6,
  blockStatus: 7,
  fua: 1,
} as const;

const OPTION = { go: 7, structuredReply: 8, setMetaContext: 10 } as const;
const ACK = 1;

/** A client that has many requests under way, and takes replies in whatever order they come. */
export class NbdClient {
  readonly socket: Socket;
  readonly structured: boolean;
  readonly #waiting = new Map<bigint, (reply: NbdReply) => void>();
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  /** How many bytes come with a success, by cookie. */
  readonly #lengths = new Map<bigint, number>();
  #cookie = 0n;

  private constructor(socket: Socket, structured: boolean) {
    this.socket = socket;
    this.structured = structured;
    socket.on("data", (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake?.();
    });
    socket.on("error", () => {});
  }

  /** Shakes hands; with `structured` for structured replies and block status. */
  static async connect(port: number, structured: boolean): Promise<NbdClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const client = new NbdClient(socket, structured);
    await client.#take(18);
    socket.write(Buffer.from([0, 0, 0, 3]));
    if (structured) {
      await client.#option(OPTION.structuredReply, Buffer.alloc(0));
      const context = Buffer.from("base:allocation");
      const query = Buffer.concat([numbers(0, 1, context.length), context]);
      await client.#option(OPTION.setMetaContext, query);
    }
    await client.#option(OPTION.go, Buffer.concat([numbers(0), Buffer.alloc(2)]));
    void client.#replies();
    return client;
  }

  /** Sends a request; the promise settles with its reply, or never where the connection ends. */
  request(type: number, offset: number, length: number, flags = 0, payload?: Uint8Array): Promise<NbdReply> {
    const cookie = this.#cookie++;
    const head = Buffer.alloc(28);
    head.writeUInt32BE(0x25609513);
    head.writeUInt16BE(flags, 4);
    head.writeUInt16BE(type, 6);
    head.writeBigUInt64BE(cookie, 8);
    head.writeBigUInt64BE(BigInt(offset), 16);
    head.writeUInt32BE(length, 24);
    const reply = new Promise<NbdReply>((resolve) => this.#waiting.set(cookie, resolve));
    this.#lengths.set(cookie, type === NBD.read ? length : 0);
    this.socket.write(payload ? Buffer.concat([head, payload]) : head);
    return reply;
  }

  async #option(type: number, payload: Uint8Array): Promise<void> {
    this.socket.write(Buffer.concat([Buffer.from("IHAVEOPT"), numbers(type, payload.length), payload]));
    for (;;) {
      const head = await this.#take(20);
      await this.#take(head.readUInt32BE(16));
      if (head.readUInt32BE(12) === ACK) return;
      if (head.readUInt32BE(12) >= 0x80000000) throw new Error(`option ${type} is refused`);
    }
  }

  async #replies(): Promise<void> {
    for (;;) {
      const head = await this.#take(this.structured ? 20 : 16);
      const cookie = head.readBigUInt64BE(8);
      const reply = this.structured ? await this.#chunk(head) : await this.#simple(head, cookie);
      const waiting = this.#waiting.get(cookie);
      if (!waiting) throw new Error("nobody waits for this reply");
      this.#waiting.delete(cookie);
      waiting(reply);
    }
  }

  async #simple(head: Buffer, cookie: bigint): Promise<NbdReply> {
    if (head.readUInt32BE() !== 0x67446698) throw new Error("this is no simple reply");
    const errno = head.readUInt32BE(4);
    const length = errno === 0 ? (this.#lengths.get(cookie) ?? 0) : 0;
    return { errno, data: Buffer.from(await this.#take(length)), states: [] };
  }

  async #chunk(head: Buffer): Promise<NbdReply> {
    if (head.readUInt32BE() !== 0x668e33ef) throw new Error("this is no structured reply");
    return contentOf(head.readUInt16BE(6), Buffer.from(await this.#take(head.readUInt32BE(16))));
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#received.length < length) await new Promise<void>((resolve) => (this.#wake = resolve));
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return bytes;
  }
}

/** The content of the only chunk of a structured reply. */
function contentOf(type: number, body: Buffer): NbdReply {
  const none = Buffer.alloc(0);
  if (type === 1) return { errno: 0, data: body.subarray(8), states: [] };
  if (type === 5) {
    const states = Array.from({ length: (body.length - 4) / 4 }, (_, index) => body.readUInt32BE(4 + index * 4));
    return { errno: 0, data: none, states };
  }
  return { errno: type === 0 ? 0 : body.readUInt32BE(), data: none, states: [] };
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}
