import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MemoryBackend } from "@instar/backend";
import { allowedDirectories, isWithin, type NamedFile, openNamedFile } from "../src/gate.js";
import { storageReferenced } from "../src/names/image-name.js";
import { scratch } from "./harness.js";

const at = scratch();
const open = async (name: string): Promise<MemoryBackend> => new MemoryBackend({ name });

mkdirSync(at("images/below"), { recursive: true });
mkdirSync(at("elsewhere"));
for (const file of ["images/top", "images/base", "images/below/base", "elsewhere/secret", "images2"]) {
  writeFileSync(at(file), "");
}
symlinkSync(at("elsewhere/secret"), at("images/link-out"));
symlinkSync(at("images/base"), at("images/link-in"));
symlinkSync(at("elsewhere"), at("images/link-directory"));
symlinkSync(at("images/top"), at("elsewhere/link-top"));

describe("isWithin", () => {
  it.each([
    ["/a", "/a/b", true],
    ["/a", "/a/b/c", true],
    ["/a", "/a/..b", true],
    ["/", "/a", true],
    ["/a", "/a", false],
    ["/a", "/ab", false],
    ["/a", "/", false],
    ["/a/b", "/a/c", false],
    ["/a/b", "/a", false],
  ])("%s, %s: %s", (directory, file, expected) => {
    expect(isWithin(directory, file)).toBe(expected);
  });
});

function named(name: string, imagePath: string): NamedFile {
  const found = storageReferenced(name, { kind: "file", path: imagePath });
  if (found.kind !== "file") throw new Error(`${name} is no file`);
  return { what: `'${name}'`, path: found.path, imagePath };
}

describe("openNamedFile", () => {
  const follow = (name: string, allowed: readonly string[] = [], image = at("images/top")): Promise<string> =>
    openNamedFile(named(name, image), allowed, open).then(({ file }) => file.name);

  it.each([
    ["base", "images/base"],
    ["./below/../base", "images/base"],
    ["below/base", "images/below/base"],
    ["link-in", "images/base"],
    ["../images/base", "images/base"],
  ])("opens %s, without symbolic links in its path", async (name, opened) => {
    expect(await follow(name)).toBe(at(opened));
  });

  it("opens an absolute path into the directory of the image", async () => {
    expect(await follow(at("images/base"))).toBe(at("images/base"));
  });

  it.each(["../elsewhere/secret", "link-out", "link-directory/secret", "../images2", "below/../../elsewhere/secret"])(
    "refuses %s, and names the option that would allow it",
    async (name) => {
      await expect(follow(name)).rejects.toThrow(`lies outside of '${at("images")}': --allow-path '`);
    },
  );

  it("names the file that a symbolic link points to", async () => {
    await expect(follow("link-out")).rejects.toThrow(
      `'link-out', which is '${at("elsewhere/secret")}', lies outside of '${at("images")}': ` +
        `--allow-path '${at("elsewhere")}' would allow it`,
    );
  });

  it("refuses an absolute path elsewhere", async () => {
    await expect(follow("/etc/passwd")).rejects.toThrow("'/etc/passwd' lies outside of");
  });

  it("opens what is in an allowed directory, or below it", async () => {
    expect(await follow("link-out", [at("elsewhere")])).toBe(at("elsewhere/secret"));
    expect(await follow("../elsewhere/secret", [at()])).toBe(at("elsewhere/secret"));
    await expect(follow("../elsewhere/secret", [at("images/below")])).rejects.toThrow("--allow-path");
  });

  it("counts the directory of the image itself, not of a link to it", async () => {
    const link = at("elsewhere/link-top");
    await expect(follow("secret", [], link)).rejects.toThrow(`lies outside of '${at("images")}'`);
    expect(await follow("../images/base", [], link)).toBe(at("images/base"));
  });

  it.each(["missing", "below", "."])("refuses %s, which is no regular file there", async (name) => {
    await expect(follow(name)).rejects.toThrow(/could not be found|is not a regular file|lies outside/);
  });

  it("opens nothing for an image that is no local file, but what is in an allowed directory", async () => {
    const remote = (allowed: readonly string[]): Promise<unknown> =>
      openNamedFile({ what: "it", path: at("images/base"), imagePath: undefined }, allowed, open);
    await expect(remote([])).rejects.toThrow(`it is a local file: --allow-path '${at("images")}' would allow it`);
    await expect(remote([at("images")])).resolves.toBeDefined();
  });

  it("notices a file that is put in the place of the one it has checked", async () => {
    const swap = async (path: string): Promise<MemoryBackend> => {
      writeFileSync(at("images/other"), "");
      renameSync(at("images/other"), path);
      return new MemoryBackend();
    };
    const opened = openNamedFile(named("base", at("images/top")), [], swap);
    await expect(opened).rejects.toThrow("was replaced while it was being opened");
  });

  it("closes what it has opened and then refuses", async () => {
    const file = new MemoryBackend();
    const swap = async (path: string): Promise<MemoryBackend> => {
      writeFileSync(at("images/other"), "");
      renameSync(at("images/other"), path);
      return file;
    };
    await openNamedFile(named("base", at("images/top")), [], swap).catch(() => {});
    await expect(file.read(new Uint8Array(0), 0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });
});

describe("allowedDirectories", () => {
  it("takes options and the variable, free of symbolic links", async () => {
    const found = await allowedDirectories([at("images/link-directory")], `${at("images")}::${at("missing")}`);
    expect(found).toEqual([at("elsewhere"), at("images")]);
  });

  it("refuses an option that names nothing", async () => {
    await expect(allowedDirectories([at("missing")])).rejects.toThrow(`--allow-path '${at("missing")}'`);
  });
});
