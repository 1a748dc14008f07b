import { type BackendErrorCode, isBackendError } from "../errors.js";

/** A rule of the contract that a backend does not keep. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}

/** Ends the test. */
export function fail(message: string, cause?: unknown): never {
  throw new ConformanceError(message, cause === undefined ? undefined : { cause });
}

/** Requires a condition to hold; `rule` says which. */
export function expectThat(holds: boolean, rule: string): void {
  if (!holds) fail(rule);
}

/** Requires two primitive values to be the same. */
export function expectSame(actual: unknown, expected: unknown, what: string): void {
  if (!Object.is(actual, expected)) fail(`${what}: got ${String(actual)}, expected ${String(expected)}`);
}

/** Requires two runs of bytes to be the same. */
export function expectBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  expectSame(actual.length, expected.length, `${what}: number of bytes`);
  for (let at = 0; at < actual.length; at++) {
    if (actual[at] !== expected[at]) fail(`${what}: byte ${at} is ${actual[at]}, expected ${expected[at]}`);
  }
}

/** Requires every byte of a range to be one value. */
export function expectFilled(bytes: Uint8Array, value: number, what: string): void {
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== value) fail(`${what}: byte ${at} is ${bytes[at]}, expected ${value}`);
  }
}

/** Requires a call to reject, and gives what it rejects with. */
export async function rejection(call: () => Promise<unknown>, what: string): Promise<unknown> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    fail(`${what}: threw ${String(error)} instead of returning a promise that rejects`);
  }
  let caught: { readonly error: unknown } | undefined;
  await promise.catch((error: unknown) => (caught = { error }));
  return caught ? caught.error : fail(`${what}: resolved, but must reject`);
}

/** Requires a call to reject with a `BackendError` of one code. */
export async function expectRejection(
  call: () => Promise<unknown>,
  code: BackendErrorCode,
  what: string,
): Promise<void> {
  const error = await rejection(call, what);
  if (isBackendError(error, code)) return;
  fail(`${what}: must reject with a BackendError ${code}, rejected with ${describeError(error)}`);
}

function describeError(error: unknown): string {
  return isBackendError(error) ? `${error.code}: ${error.message}` : String(error);
}
