import { BackendError } from "@instar/backend";
import type { Arguments } from "../args.js";
import { SECTOR } from "../raw-image.js";
import { IoArgumentError } from "./io-command.js";
import type { IoSession } from "./session.js";

/** What a command reads or writes: the disk, or the VM state behind it. */
export interface IoPlace {
  /** Bytes that may be read and written. */
  readonly size: number;
  read(target: Uint8Array, offset: number): Promise<void>;
  write(source: Uint8Array, offset: number): Promise<void>;
}

/** What a command is about that may have the option `vmstate`. */
export function placeAsked(args: Arguments, session: IoSession): IoPlace {
  return args.has("vmstate") ? vmStateOf(session) : diskOf(session);
}

function diskOf(session: IoSession): IoPlace {
  const { disk } = session;
  return {
    size: disk.size,
    read: (target, offset) => disk.read(target, offset, session),
    write: (source, offset) => disk.write(source, offset, session),
  };
}

function vmStateOf(session: IoSession): IoPlace {
  const { qcow2, format } = session.image;
  const state = (): NonNullable<typeof qcow2>["vmState"] => {
    if (qcow2) return qcow2.vmState;
    throw new BackendError("ERR_UNSUPPORTED", `format ${format} has no place for a VM state`);
  };
  return {
    size: Number.MAX_SAFE_INTEGER,
    read: async (target, offset) => state().read(target, offset, session),
    write: async (source, offset) => state().write(source, offset, session),
  };
}

/** Refuses what is no whole number of sectors, where nothing smaller can be asked for. */
export function requireSectors(offset: number, count: number): void {
  for (const [name, value] of Object.entries({ offset, count })) {
    if (value % SECTOR !== 0) throw new IoArgumentError(`${value} is not a sector-aligned value for '${name}'`);
  }
}
