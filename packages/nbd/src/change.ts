import { allocateZeroes, type Backend, zeroRange } from "@instar/backend";
import { COMMAND_FLAG } from "./protocol.js";
import { ERRNO, RequestError } from "./request-error.js";

/** WRITE_ZEROES: fast only where the backend has it, and with room set aside where no hole may be left. */
export async function writeZeroes(backend: Backend, offset: number, length: number, flags: number): Promise<void> {
  const { writeZeroes: quick, allocate } = backend.capabilities;
  const noHole = (flags & COMMAND_FLAG.noHole) !== 0;
  if ((flags & COMMAND_FLAG.fastZero) !== 0 && (!quick || noHole)) {
    throw new RequestError(ERRNO.unsupported, `${backend.name} has no fast way to write zeroes like that`);
  }
  if (!noHole) return zeroRange(backend, offset, length);
  if (allocate) await zeroRange(backend, offset, length);
  // Where nothing can be allocated this writes the zeroes.
  await allocateZeroes(backend, offset, length);
}
