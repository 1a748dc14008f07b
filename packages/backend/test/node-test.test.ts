import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const file = fileURLToPath(new URL("runners/memory.node-test.mjs", import.meta.url));

/** Runs the built kit under node:test. */
function run(env: Record<string, string>): { status: number | null; stdout: string } {
  // Node sets NODE_TEST_CONTEXT for a test within a test, and would then report to a parent that is not there.
  const { NODE_TEST_CONTEXT: _, ...outer } = process.env;
  return spawnSync(process.execPath, ["--test", "--test-reporter=tap", file], {
    encoding: "utf8",
    env: { ...outer, ...env },
  });
}

describe("the built conformance kit under node:test", () => {
  it("passes a sound backend", () => {
    const { status, stdout } = run({});
    expect(stdout).toMatch(/^# pass [1-9]\d+$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(status).toBe(0);
  });

  it("fails a broken one, and names the rule", () => {
    const { status, stdout } = run({ KIT_FAULT: "deaf" });
    expect(stdout).toMatch(/not ok \d+ - down cuts off, and keeps what stays/);
    expect(status).toBe(1);
  });
});
