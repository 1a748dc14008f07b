import { BackendError } from "./errors.js";

/** Throws `ERR_RANGE` unless offset and length are integers from 0 that end at 2^53-1 at most. */
export function checkIntegers(name: string, operation: string, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0) {
    if (Number.isSafeInteger(offset + length)) return;
  }
  const rule = "offset and length are integers from 0, ending at 2^53-1 at most";
  throw new BackendError("ERR_RANGE", `${name}: ${operation} of ${length} bytes at ${offset}: ${rule}`);
}

/** Throws `ERR_RANGE` unless the range is one of integers and lies within the size. */
export function checkWithin(name: string, operation: string, offset: number, length: number, size: number): void {
  checkIntegers(name, operation, offset, length);
  if (offset + length <= size) return;
  const what = `${operation} of ${length} bytes at ${offset}`;
  throw new BackendError("ERR_RANGE", `${name}: ${what} goes past the end at ${size}`);
}

/** Throws `ERR_RANGE` unless the size is an integer from 0 to 2^53-1. */
export function checkSize(name: string, operation: string, size: number): void {
  if (Number.isSafeInteger(size) && size >= 0) return;
  throw new BackendError("ERR_RANGE", `${name}: ${operation} to ${size}: a size is an integer from 0 to 2^53-1`);
}
