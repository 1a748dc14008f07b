import type { Channel } from "./channel.js";
import { type NbdExport, transmissionFlags } from "./nbd-export.js";
import {
  HANDSHAKE,
  INFO,
  MAX_PAYLOAD,
  NBD_MAGIC,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  REPLY,
} from "./protocol.js";
import { exportRequest, metaContextRequest } from "./option-payload.js";

/** The number by which replies name the context `base:allocation`. */
export const ALLOCATION_CONTEXT = 1;
const ALLOCATION = "base:allocation";
const MAX_OPTION = 65_536;
const MAX_OPTIONS = 1000;

/** What a handshake came to. */
export interface Agreement {
  readonly disk: NbdExport;
  readonly size: number;
  readonly structured: boolean;
  /** Whether the client may ask for the state of blocks. */
  readonly allocation: boolean;
}

/** The fixed newstyle handshake of one connection. */
export class Negotiation {
  readonly #channel: Channel;
  readonly #exports: readonly NbdExport[];
  #noZeroes = false;
  #structured = false;
  #allocationOf: NbdExport | undefined;

  constructor(channel: Channel, exports: readonly NbdExport[]) {
    this.#channel = channel;
    this.#exports = exports;
  }

  /** Resolves to nothing where the client goes away or breaks the rules. Rejects where its stream does, or TLS fails. */
  async run(): Promise<Agreement | undefined> {
    const greeting = Buffer.alloc(18);
    greeting.writeBigUInt64BE(NBD_MAGIC);
    greeting.writeBigUInt64BE(OPTION_MAGIC, 8);
    greeting.writeUInt16BE(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes, 16);
    await this.#channel.send(greeting);
    const flags = (await this.#channel.reader.bytes(4)).readUInt32BE();
    if ((flags & ~(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes)) !== 0) return undefined;
    this.#noZeroes = (flags & HANDSHAKE.noZeroes) !== 0;
    for (let count = 0; count < MAX_OPTIONS; count++) {
      const head = await this.#channel.reader.bytes(16);
      if (head.readBigUInt64BE() !== OPTION_MAGIC) return undefined;
      const option = head.readUInt32BE(8);
      const length = head.readUInt32BE(12);
      if (length > MAX_OPTION) {
        if (length > MAX_PAYLOAD || option === OPTION.exportName) return undefined;
        await this.#channel.reader.skip(length);
        await this.#reply(option, REPLY.tooBig, Buffer.from("the option is too long"));
        continue;
      }
      const payload = await this.#channel.reader.bytes(length);
      if (option === OPTION.exportName) return this.#exportName(payload.toString());
      const disk = await this.#answer(option, payload);
      if (disk === "over") return undefined;
      if (disk !== undefined) return this.#agreement(disk);
    }
    return undefined;
  }

  async #answer(option: number, payload: Buffer): Promise<NbdExport | "over" | undefined> {
    const isFree = option === OPTION.abort || option === OPTION.startTls;
    if (this.#channel.needsTls && !isFree) {
      return this.#reply(option, REPLY.tlsRequired, Buffer.from("this server wants TLS first"));
    }
    switch (option) {
      case OPTION.abort:
        await this.#reply(option, REPLY.ack);
        return "over";
      case OPTION.startTls:
        return this.#startTls(payload);
      case OPTION.list:
        await this.#list(payload);
        return undefined;
      case OPTION.info:
      case OPTION.go:
        return this.#info(option, payload);
      case OPTION.structuredReply:
        if (payload.byteLength > 0) await this.#invalid(option);
        else {
          this.#structured = true;
          await this.#reply(option, REPLY.ack);
        }
        return undefined;
      case OPTION.listMetaContext:
      case OPTION.setMetaContext:
        await this.#metaContext(option, payload);
        return undefined;
      default:
        await this.#reply(option, REPLY.unsupported);
        return undefined;
    }
  }

  async #startTls(payload: Buffer): Promise<undefined> {
    const option = OPTION.startTls;
    if (payload.byteLength > 0 || this.#channel.isSecure) return this.#invalid(option);
    if (!this.#channel.offersTls) return this.#reply(option, REPLY.unsupported);
    await this.#channel.secure(() => this.#reply(option, REPLY.ack));
    // What was agreed on before may be the wish of somebody in between.
    this.#structured = false;
    this.#allocationOf = undefined;
    return undefined;
  }

  async #list(payload: Buffer): Promise<void> {
    if (payload.byteLength > 0) return this.#invalid(OPTION.list);
    for (const { name, description = "" } of this.#exports) {
      const bytes = Buffer.from(name);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.byteLength);
      await this.#reply(OPTION.list, REPLY.server, Buffer.concat([length, bytes, Buffer.from(description)]));
    }
    await this.#reply(OPTION.list, REPLY.ack);
  }

  async #info(option: number, payload: Buffer): Promise<NbdExport | undefined> {
    const request = exportRequest(payload);
    if (request === undefined) return this.#invalid(option);
    const disk = this.#find(request.name);
    if (disk === undefined) return this.#reply(option, REPLY.unknown, Buffer.from("there is no such export"));
    const information = (type: number, bytes: Buffer) => {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(type);
      return this.#reply(option, REPLY.info, Buffer.concat([head, bytes]));
    };
    await information(INFO.export, this.#exportInfo(disk));
    if (request.wanted.includes(INFO.name)) await information(INFO.name, Buffer.from(disk.name));
    if (request.wanted.includes(INFO.description) && disk.description !== undefined) {
      await information(INFO.description, Buffer.from(disk.description));
    }
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32BE(1);
    sizes.writeUInt32BE(4096, 4);
    sizes.writeUInt32BE(MAX_PAYLOAD, 8);
    await information(INFO.blockSize, sizes);
    await this.#reply(option, REPLY.ack);
    return option === OPTION.go ? disk : undefined;
  }

  async #metaContext(option: number, payload: Buffer): Promise<void> {
    const isSet = option === OPTION.setMetaContext;
    if (isSet) this.#allocationOf = undefined;
    const request = metaContextRequest(payload);
    if (request === undefined || !this.#structured) return this.#invalid(option);
    const disk = this.#find(request.name);
    if (disk === undefined) return this.#reply(option, REPLY.unknown);
    const asked = isSet
      ? request.queries.includes(ALLOCATION)
      : request.queries.length === 0 || request.queries.some((query) => query === ALLOCATION || query === "base:");
    if (asked && disk.backend.capabilities.extents) {
      const id = Buffer.alloc(4);
      if (isSet) {
        id.writeUInt32BE(ALLOCATION_CONTEXT);
        this.#allocationOf = disk;
      }
      await this.#reply(option, REPLY.metaContext, Buffer.concat([id, Buffer.from(ALLOCATION)]));
    }
    await this.#reply(option, REPLY.ack);
  }

  async #exportName(name: string): Promise<Agreement | undefined> {
    const disk = this.#find(name);
    // This option cannot be answered with an error.
    if (disk === undefined || this.#channel.needsTls) return undefined;
    await this.#channel.send(Buffer.concat([this.#exportInfo(disk), Buffer.alloc(this.#noZeroes ? 0 : 124)]));
    return this.#agreement(disk);
  }

  #agreement(disk: NbdExport): Agreement {
    const allocation = this.#allocationOf === disk;
    return { disk, size: disk.backend.size, structured: this.#structured, allocation };
  }

  #find(name: string): NbdExport | undefined {
    return name === "" ? this.#exports[0] : this.#exports.find((disk) => disk.name === name);
  }

  #exportInfo(disk: NbdExport): Buffer {
    const bytes = Buffer.alloc(10);
    bytes.writeBigUInt64BE(BigInt(disk.backend.size));
    bytes.writeUInt16BE(transmissionFlags(disk, this.#structured), 8);
    return bytes;
  }

  #invalid(option: number): Promise<undefined> {
    return this.#reply(option, REPLY.invalid, Buffer.from("the option is malformed or out of place"));
  }

  #reply(option: number, type: number, payload: Buffer = Buffer.alloc(0)): Promise<undefined> {
    const head = Buffer.alloc(20);
    head.writeBigUInt64BE(OPTION_REPLY_MAGIC);
    head.writeUInt32BE(option, 8);
    head.writeUInt32BE(type, 12);
    head.writeUInt32BE(payload.byteLength, 16);
    return this.#channel.send(Buffer.concat([head, payload]));
  }
}
