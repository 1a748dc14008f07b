import { describe, expect, it } from "vitest";
import { type BackendPlugin, BackendRegistry, MemoryBackend, memoryPlugin } from "../src/index.js";

function plugin(name: string, ...schemes: string[]): BackendPlugin {
  return { name, schemes, open: async (location) => new MemoryBackend({ name: `${name} ${location}` }) };
}

const registry = new BackendRegistry([plugin("fs", "", "file"), plugin("http", "http", "https")]);

describe("a registry", () => {
  it.each([
    ["https://example.org/disk.img", "http"],
    ["HTTP://example.org/disk.img", "http"],
    ["file:///var/disk.img", "fs"],
    ["file:disk.img", "fs"],
    ["disk.img", "fs"],
    ["/var/disk.img", "fs"],
    ["./a:b/disk.img", "fs"],
    ["name:with-colon.img", "fs"],
    ["C:\\images\\disk.img", "fs"],
    ["c:/images/disk.img", "fs"],
    ["c://images/disk.img", "fs"],
    ["\\\\server\\share\\disk.img", "fs"],
    ["", "fs"],
  ])("finds for %j the plugin %s", (location, name) => {
    expect(registry.resolve(location).name).toBe(name);
  });

  it("refuses a scheme that nobody serves, and says which are served", () => {
    expect(() => registry.resolve("s3://bucket/key")).toThrow(
      expect.objectContaining({
        code: "ERR_UNSUPPORTED",
        message: 'no backend serves "s3:" (served: paths, file:, http:, https:)',
      }),
    );
  });

  it("refuses paths where nobody serves them", () => {
    const message = "no backend serves paths (served: memory:)";
    for (const path of ["disk.img", "C:\\disk.img"]) {
      expect(() => new BackendRegistry([memoryPlugin()]).resolve(path)).toThrow(
        expect.objectContaining({ code: "ERR_UNSUPPORTED", message }),
      );
    }
    expect(() => new BackendRegistry().resolve("disk.img")).toThrow("(served: nothing)");
  });

  it("does not tell the secrets of a URL that it refuses", () => {
    const act = (): unknown => registry.resolve("s3://key:secret@bucket/disk.img");
    expect(act).toThrow(expect.objectContaining({ message: expect.not.stringContaining("secret") }));
  });

  it("takes a plugin from a third party, and stays as it was", () => {
    const larger = registry.with(plugin("tape", "tape"));
    expect(larger.resolve("tape://reel/7").name).toBe("tape");
    expect(larger.resolve("disk.img").name).toBe("fs");
    expect(larger.schemes).toEqual(["", "file", "http", "https", "tape"]);
    expect(() => registry.resolve("tape://reel/7")).toThrow("no backend serves");
  });

  it("refuses two plugins for one scheme", () => {
    expect(() => registry.with(plugin("other", "https"))).toThrow(
      expect.objectContaining({ code: "ERR_EXISTS", message: 'plugins http and other both serve the scheme "https"' }),
    );
  });

  it("hands location and options to the plugin", async () => {
    const seen: unknown[] = [];
    const spy: BackendPlugin = {
      name: "spy",
      schemes: ["spy"],
      async open(location, options) {
        seen.push(location, options);
        return new MemoryBackend();
      },
    };
    await new BackendRegistry([spy]).open("spy:there", { write: true });
    expect(seen).toEqual(["spy:there", { write: true }]);
  });

  it("rejects, and does not throw, when it is asked to open what nobody serves", async () => {
    await expect(registry.open("s3://bucket/key")).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
  });
});
