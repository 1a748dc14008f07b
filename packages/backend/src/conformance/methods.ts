import type { Backend, CallOptions, Capabilities } from "../contract.js";
import { collectExtents } from "./kit.js";

/** One method of the contract, as a call that would touch the whole backend. */
export interface Method {
  readonly name: string;
  /** The flag it needs, if any. */
  readonly flag: keyof Capabilities | undefined;
  /** Whether a read-only backend refuses it. */
  readonly changes: boolean;
  readonly call: (backend: Backend, size: number, options?: CallOptions) => Promise<unknown>;
}

/** Every method that does I/O. */
export const methods: readonly Method[] = [
  {
    name: "read",
    flag: undefined,
    changes: false,
    call: (backend, size, options) => backend.read(new Uint8Array(size), 0, options),
  },
  {
    name: "write",
    flag: "write",
    changes: true,
    call: (backend, size, options) => backend.write(new Uint8Array(size).fill(0xee), 0, options),
  },
  {
    name: "truncate",
    flag: "truncate",
    changes: true,
    call: (backend, _size, options) => backend.truncate(0, options),
  },
  {
    name: "writeZeroes",
    flag: "writeZeroes",
    changes: true,
    call: (backend, size, options) => backend.writeZeroes(0, size, options),
  },
  {
    name: "discard",
    flag: "discard",
    changes: true,
    call: (backend, size, options) => backend.discard(0, size, options),
  },
  {
    name: "allocate",
    flag: "allocate",
    changes: true,
    call: (backend, size, options) => backend.allocate(0, size, options),
  },
  { name: "sync", flag: "write", changes: true, call: (backend, _size, options) => backend.sync(options) },
  {
    name: "extents",
    flag: "extents",
    changes: false,
    call: (backend, size, options) => collectExtents(backend, 0, size, options),
  },
];

/** The methods that a manifest promises. */
export function supportedMethods(capabilities: Capabilities): Method[] {
  return methods.filter(({ flag }) => flag === undefined || capabilities[flag]);
}
