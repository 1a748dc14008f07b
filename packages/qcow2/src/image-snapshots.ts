import { type Backend, BackendError } from "@instar/backend";

import { Qcow2Error, quote, ruleError } from "./errors.js";
import { hasDataFile } from "./features.js";
import { maxGuestSize } from "./geometry.js";
import { MAX_SNAPSHOTS } from "./header-rules.js";
import type { ImageHost } from "./image-host.js";
import type { HeaderChange } from "./live-header.js";
import { SnapshotDisk } from "./snapshot-disk.js";
import { encodeSnapshotEntry, type Snapshot, type SnapshotInfo } from "./snapshot-entry.js";
import { SnapshotSwitch } from "./snapshot-switch.js";
import { FIRST_SNAPSHOT, readSnapshots, readSnapshotTable, snapshotPieces } from "./snapshot-table.js";
import type { NewSnapshot, SnapshotRef, Snapshots } from "./snapshots.js";

/** Makes the changes that {@link Snapshots} promises. */
export class ImageSnapshots implements Snapshots {
  readonly #host: ImageHost;
  /** How often snapshots may have been changed. */
  #changes = 0;

  constructor(host: ImageHost) {
    this.#host = host;
  }

  async list(): Promise<readonly SnapshotInfo[]> {
    return this.#host.alone(async () => {
      const { file, header } = this.#host.engine;
      const infos: SnapshotInfo[] = [];
      for await (const { snapshots } of snapshotPieces(file.backend, header.current))
        infos.push(...snapshots.map(infoOf));
      return infos;
    });
  }

  async *each(): AsyncGenerator<SnapshotInfo> {
    const began = this.#state();
    let place = FIRST_SNAPSHOT;
    while (place.count < began.count) {
      const { snapshots, next } = await this.#host.alone(() => {
        const { file, header } = this.#host.engine;
        const { offset, count, changes } = this.#state();
        if (offset === began.offset && count === began.count && changes === began.changes) {
          return readSnapshots(file.backend, header.current, place);
        }
        throw new BackendError("ERR_CHANGED", `${this.#where}: its snapshots have changed while they were listed`);
      });
      yield* snapshots.map(infoOf);
      place = next;
    }
  }

  create(options: NewSnapshot): Promise<SnapshotInfo> {
    return this.#change(async (build) => {
      this.#refuseDataFile();
      const snapshots = await this.#list();
      if (snapshots.length >= MAX_SNAPSHOTS) {
        throw this.#invalid("number of snapshots", snapshots.length + 1, `at most ${MAX_SNAPSHOTS}`);
      }
      const info = this.#check(options, snapshots);
      await build((its) => its.create((l1) => encodeSnapshotEntry({ ...info, ...l1 })));
      return info;
    });
  }

  apply(ref: SnapshotRef): Promise<void> {
    return this.#change(async (build) => {
      const { header, layout, bitmaps } = this.#host.engine;
      this.#refuseDataFile();
      const snapshot = await this.#find(ref);
      const { diskSize: size = header.current.size } = snapshot;
      if (size > maxGuestSize(layout)) {
        throw this.#corrupt(snapshot, "disk size", size, `at most ${maxGuestSize(layout)}`);
      }
      bitmaps.record(0, header.current.size);
      await bitmaps.resize(size, () => build((its) => its.apply(snapshot, size)));
      bitmaps.record(0, size);
    });
  }

  remove(ref: SnapshotRef): Promise<void> {
    return this.#change(async (build) => {
      const snapshot = await this.#find(ref);
      if (this.#host.openSnapshots.has(snapshot.id)) {
        throw new BackendError("ERR_LOCKED", `${this.#where}: snapshot ${quote(snapshot.id)} is open`);
      }
      await build((its) => its.remove(snapshot));
    });
  }

  async open(ref: SnapshotRef): Promise<Backend> {
    const { engine, backing, alone, openSnapshots: open } = this.#host;
    return alone(async () => {
      const snapshot = await this.#find(ref);
      const { id } = snapshot;
      const disk = SnapshotDisk.of(engine, snapshot, backing, () => {
        const left = (open.get(id) ?? 1) - 1;
        if (left > 0) open.set(id, left);
        else open.delete(id);
      });
      open.set(id, (open.get(id) ?? 0) + 1);
      return disk;
    });
  }

  get #where(): string {
    return this.#host.engine.file.name;
  }

  async #change<T>(
    work: (build: (state: (its: SnapshotSwitch) => Promise<HeaderChange>) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const { engine, prepare, alone } = this.#host;
    await prepare();
    return alone(async () => {
      this.#changes++;
      await engine.durability.writeOut();
      return work((state) => engine.stateSwitch.run((next) => state(new SnapshotSwitch(engine, next))));
    });
  }

  #state(): { readonly offset: number; readonly count: number; readonly changes: number } {
    const { snapshotsOffset: offset, snapshotCount: count } = this.#host.engine.header.current;
    return { offset, count, changes: this.#changes };
  }

  async #list(): Promise<readonly Snapshot[]> {
    const { file, header } = this.#host.engine;
    return (await readSnapshotTable(file.backend, header.current)).snapshots;
  }

  async #find({ id, name }: SnapshotRef): Promise<Snapshot> {
    if (id === undefined && name === undefined) {
      throw this.#invalid("reference to a snapshot", "{}", "an id, a name, or both");
    }
    const fits = (its: Snapshot): boolean => (id ?? its.id) === its.id && (name ?? its.name) === its.name;
    const found = (await this.#list()).find(fits);
    if (found) return found;
    const what = [id === undefined ? "" : ` with id ${quote(id)}`, name === undefined ? "" : ` named ${quote(name)}`];
    throw new BackendError("ERR_NOT_FOUND", `${this.#where}: there is no snapshot${what.join("")}`);
  }

  #check(options: NewSnapshot, snapshots: readonly Snapshot[]): SnapshotInfo & { readonly diskSize: number } {
    const { name, id = nextId(snapshots), date, vmClock = 0n } = options;
    const encoder = new TextEncoder();
    if (encoder.encode(name).byteLength > 255 || name.includes("\0")) {
      throw this.#invalid("name of the snapshot", name, "at most 255 bytes of UTF-8 without a zero byte");
    }
    if (id === "" || encoder.encode(id).byteLength > 127 || id.includes("\0")) {
      throw this.#invalid("id of the snapshot", id, "1 to 127 bytes of UTF-8 without a zero byte");
    }
    if (snapshots.some((other) => other.id === id)) {
      throw this.#invalid("id of the snapshot", id, "another one than those of all others");
    }
    const milliseconds = date.getTime();
    const dateSeconds = Math.floor(milliseconds / 1000);
    if (!(dateSeconds >= 0 && dateSeconds < 2 ** 32)) {
      throw this.#invalid("date of the snapshot", milliseconds, "from 1970 to 2106");
    }
    if (vmClock < 0n || vmClock >= 1n << 64n) throw this.#invalid("vmClock", vmClock, "from 0 to 2^64 - 1");
    const dateNanoseconds = (milliseconds % 1000) * 1_000_000;
    const diskSize = this.#host.engine.header.current.size;
    return { id, name, dateSeconds, dateNanoseconds, vmClock, vmStateSize: 0, icount: undefined, diskSize };
  }

  #refuseDataFile(): void {
    if (!hasDataFile(this.#host.engine.header.current)) return;
    throw this.#invalid("data file", "in use", "absent: snapshots are of what the image itself holds");
  }

  #invalid(field: string, value: number | bigint | string, rule: string): Qcow2Error {
    return ruleError("ERR_INVALID_OPTION", this.#where, field, value, rule);
  }

  #corrupt({ id }: Snapshot, field: string, value: number, rule: string): Qcow2Error {
    return ruleError("ERR_CORRUPT", this.#where, `${field} of snapshot ${quote(id)}`, value, rule);
  }
}

function infoOf(snapshot: Snapshot): SnapshotInfo {
  const { id, name, dateSeconds, dateNanoseconds, vmClock, vmStateSize, icount, diskSize } = snapshot;
  return { id, name, dateSeconds, dateNanoseconds, vmClock, vmStateSize, icount, diskSize };
}

/** One more than the largest number among the ids, as QEMU numbers snapshots. */
function nextId(snapshots: readonly Snapshot[]): string {
  let largest = 0n;
  for (const { id } of snapshots) {
    const number = BigInt(/^\d{1,19}/.exec(id)?.[0] ?? 0);
    if (number > largest) largest = number;
  }
  return String(largest + 1n);
}
