import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, program, qemu, scratch } from "./harness.js";

const at = scratch();

/** A copy of the good image with some bytes of its first refcount block, or any other place, changed. */
function damage(name: string, offset: number, value: number): void {
  const image = readFileSync(at("good.qcow2"));
  image.writeUInt16BE(value, offset);
  writeFileSync(at(name), image);
}

beforeAll(async () => {
  await instar(["create", "-q", "-f", "qcow2", at("empty.qcow2"), "1M"]);
  copyFileSync(at("empty.qcow2"), at("good.qcow2"));
  await instar(["io", "-c", "write -q 0 128k", at("good.qcow2")]);
  const blocks = 131_072;
  // Clusters: header, refcount table, refcount block, L1, L2, and two of data.
  damage("corrupt.qcow2", blocks + 2 * 5, 0);
  const leaking = Buffer.concat([readFileSync(at("good.qcow2")), Buffer.alloc(65_536)]).subarray(0, 8 * 65_536);
  leaking.writeUInt16BE(1, blocks + 2 * 7);
  writeFileSync(at("leak.qcow2"), Buffer.concat([leaking, Buffer.alloc(8 * 65_536 - leaking.byteLength)]));
  writeFileSync(at("disk.raw"), Buffer.alloc(512));
});

describe("check", () => {
  it("of an image that is in order exits with 0", async () => {
    expect(await instar(["check", at("empty.qcow2")])).toEqual({
      code: 0,
      out: "No errors were found on the image.\nImage end offset: 262144\n",
      err: "",
    });
    expect(await instar(["check", at("good.qcow2")])).toEqual({
      code: 0,
      out:
        "No errors were found on the image.\n" +
        "2/16 = 12.50% allocated, 0.00% fragmented, 0.00% compressed clusters\nImage end offset: 458752\n",
      err: "",
    });
  });

  it("of a corrupt image exits with 2, and names what is wrong on standard error", async () => {
    const { code, out, err } = await instar(["check", at("corrupt.qcow2")]);
    expect(code).toBe(2);
    expect(out).toContain(" errors were found on the image.\nData may be corrupted, or further writes");
    expect(err).not.toBe("");
  });

  it("of an image with leaks exits with 3", async () => {
    const { code, out } = await instar(["check", at("leak.qcow2")]);
    expect(code).toBe(3);
    expect(out).toContain("\n1 leaked clusters were found on the image.\nThis means waste of disk space");
  });

  it("of a raw image exits with 63", async () => {
    const { code, out, err } = await instar(["check", at("disk.raw")]);
    expect([code, out, err]).toEqual([63, "", "instar: check: This image format does not support checks\n"]);
  });

  it("that cannot be done exits with 1", async () => {
    expect((await instar(["check", at("missing")])).code).toBe(1);
    expect((await instar(["check", "-f", "qcow2", at("disk.raw")])).code).toBe(1);
    expect((await instar(["check"])).code).toBe(1);
  });

  it("does not need the backing file", async () => {
    await instar(["create", "-q", "-f", "qcow2", "-u", "-b", "gone", "-F", "raw", at("orphan.qcow2"), "1M"]);
    expect((await instar(["check", at("orphan.qcow2")])).code).toBe(0);
  });

  it("prints nothing but errors with -q", async () => {
    expect((await instar(["check", "-q", at("good.qcow2")])).out).toBe("");
    const { code, out, err } = await instar(["check", "-q", at("corrupt.qcow2")]);
    expect([code, out, err === ""]).toEqual([2, "", false]);
  });

  it("does not change the image", async () => {
    const before = readFileSync(at("corrupt.qcow2"));
    await instar(["check", at("corrupt.qcow2")]);
    expect(readFileSync(at("corrupt.qcow2")).equals(before)).toBe(true);
  });

  it("repairs what -r says, and tells what is left", async () => {
    copyFileSync(at("corrupt.qcow2"), at("mended.qcow2"));
    expect((await instar(["check", "-r", "leaks", at("mended.qcow2")])).code).toBe(2);
    const { code, out } = await instar(["check", "-r", "all", at("mended.qcow2")]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^The following inconsistencies were found and repaired:\n\n {4}0 leaked clusters\n {4}\d corrup/,
    );
    expect(out).toContain("\n\nDouble checking the fixed image now...\nNo errors were found on the image.\n");
    expect((await instar(["check", at("mended.qcow2")])).code).toBe(0);
  });

  it("repairs an image that is marked as corrupt, and nothing that is no qcow2 image", async () => {
    const image = readFileSync(at("good.qcow2"));
    image.writeUInt8(2, 79);
    writeFileSync(at("marked.qcow2"), image);
    expect((await instar(["io", "-c", "write 0 512", at("marked.qcow2")])).code).toBe(1);
    expect((await instar(["check", "-r", "all", at("marked.qcow2")])).code).toBe(0);
    expect((await instar(["io", "-c", "write 0 512", at("marked.qcow2")])).code).toBe(0);
    expect((await instar(["check", "-r", "all", "-f", "raw", at("disk.raw")])).code).toBe(63);
    expect((await instar(["check", "-r", "all", at("missing")])).code).toBe(1);
    expect((await instar(["check", "-r", "some", at("good.qcow2")])).code).toBe(1);
  });

  it("tells programs the figures that are not 0", async () => {
    const { out } = await instar(["check", "--output=json", at("leak.qcow2")]);
    expect(JSON.parse(out)).toEqual({
      "image-end-offset": 524_288,
      "total-clusters": 16,
      "check-errors": 0,
      leaks: 1,
      "allocated-clusters": 2,
      filename: at("leak.qcow2"),
      format: "qcow2",
    });
  });
});

describe.skipIf(!HAS_QEMU)(`check says what qemu-img says ${NEEDS_QEMU}`, () => {
  beforeAll(async () => {
    await qemu("qemu-img", "create", "-q", "-f", "qcow2", at("packed.qcow2"), "10M");
    for (const write of ["write -c 6M 128k", "write 1M 100k", "write 0 64k"]) {
      await qemu("qemu-io", "-c", write, at("packed.qcow2"));
    }
  });

  it.each(["empty", "good", "corrupt", "leak", "packed"])("of %s", async (name) => {
    const file = at(`${name}.qcow2`);
    const ours = await instar(["check", file]);
    const theirs = await program("qemu-img", ["check", file]);
    expect([ours.code, ours.out]).toEqual([theirs.code, theirs.out]);
    const json = await instar(["check", "--output=json", file]);
    expect(JSON.parse(json.out)).toEqual(JSON.parse((await program("qemu-img", ["check", "--output=json", file])).out));
  });

  it.each(["empty", "good", "corrupt", "leak", "packed"])("and repairs as it does: %s", async (name) => {
    for (const what of ["leaks", "all"]) {
      // Of a refcount of 0 where there is a reference QEMU says that all must be built anew, and gives up.
      if (name === "corrupt" && what === "leaks") continue;
      const [ours, theirs] = [at(`${name}-ours.qcow2`), at(`${name}-theirs.qcow2`)];
      for (const output of ["human", "json"]) {
        for (const file of [ours, theirs]) copyFileSync(at(`${name}.qcow2`), file);
        const mine = await instar(["check", "-r", what, `--output=${output}`, ours]);
        const qemus = await program("qemu-img", ["check", "-r", what, `--output=${output}`, theirs]);
        const [shown, expected] = [mine.out.replaceAll(ours, "F"), qemus.out.replaceAll(theirs, "F")];
        expect(mine.code).toBe(qemus.code);
        // QEMU builds refcounts anew where they could be set in place, and needs more room for them.
        const end = /Image end offset: \d+|"image-end-offset": \d+/;
        if (output === "human") expect(shown.replace(end, "")).toBe(expected.replace(end, ""));
        else expect(JSON.parse(shown.replace(end, '"end": 0'))).toEqual(JSON.parse(expected.replace(end, '"end": 0')));
        expect((await program("qemu-img", ["check", ours])).code).toBe(qemus.code);
      }
    }
  });
});
