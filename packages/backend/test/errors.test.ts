import { describe, expect, it } from "vitest";
import { BackendError, isBackendError } from "../src/index.js";

describe("a BackendError", () => {
  it("carries code, cause and whether a retry makes sense", () => {
    const cause = new Error("socket hang up");
    const error = new BackendError("ERR_IO", "disk.img: read failed", { cause, retryable: true });
    expect(error).toMatchObject({ name: "BackendError", code: "ERR_IO", message: "disk.img: read failed" });
    expect(error.cause).toBe(cause);
    expect(error.retryable).toBe(true);
  });

  it("has no cause and is not retryable unless told", () => {
    const error = new BackendError("ERR_RANGE", "past the end");
    expect("cause" in error).toBe(false);
    expect(error.retryable).toBe(false);
  });

  it("is told by its guard, also when it comes from another copy of the package", () => {
    const foreign = Object.assign(new Error("past the end"), { name: "BackendError", code: "ERR_RANGE" });
    for (const error of [new BackendError("ERR_RANGE", "past the end"), foreign]) {
      expect(isBackendError(error)).toBe(true);
      expect(isBackendError(error, "ERR_RANGE")).toBe(true);
      expect(isBackendError(error, "ERR_IO")).toBe(false);
    }
  });

  it("is nothing else", () => {
    const coded = Object.assign(new Error("no such file"), { code: "ENOENT" });
    const nameless = { name: "BackendError", code: "ERR_IO" };
    const codeless = Object.assign(new Error("odd"), { name: "BackendError" });
    for (const other of [coded, nameless, codeless, undefined, null, "ERR_IO"]) {
      expect(isBackendError(other)).toBe(false);
    }
  });
});
