import { type Backend, MemoryBackend } from "@instar/backend";
import { Qcow2Image } from "@instar/qcow2";
import { VdiImage } from "@instar/vdi";
import { VhdImage } from "@instar/vhd";
import { VhdxImage } from "@instar/vhdx";
import { VmdkImage } from "@instar/vmdk";
import { describe, expect, it } from "vitest";

import type { Base } from "../src/hostile/base.ts";
import { baseNamed } from "../src/hostile/bases.ts";
import { mutantOf } from "../src/hostile/mutant.ts";
import { codeOf, hurt } from "./hurt.ts";
import type { CrashFile } from "../src/storage/crash-file.ts";

/** Puts text in place of other text of the same or a greater length. */
function renamed(from: Base, old: string, name: string): CrashFile {
  const at = Buffer.from(from.bytes).indexOf(old);
  const { file } = mutantOf(from, []);
  void file.write(new TextEncoder().encode(name), at);
  return file;
}

const bytesOf = (text: string): Promise<Backend> => {
  const disk = new MemoryBackend({ size: 4096 });
  return disk.write(new TextEncoder().encode(text), 0).then(() => disk);
};
const SNAPSHOT_L1_SIZE = 8;

describe("known holes of other programs", () => {
  it("CVE-2014-0142: a zero where something is divided by it (Parallels and Bochs images of QEMU)", async () => {
    expect(await codeOf(Qcow2Image.open(await bytesOf("WithoutFreeSpace")))).toBe("ERR_NOT_THIS_FORMAT");
    expect(await codeOf(Qcow2Image.open(await bytesOf("Bochs Virtual HD Image")))).toBe("ERR_NOT_THIS_FORMAT");
    const vmdk = baseNamed("vmdk", "monolithicSparse.vmdk");
    expect(await codeOf(VmdkImage.open(hurt(vmdk, [20, 8, 0n])))).toBe("ERR_INVALID_HEADER");
    expect(await codeOf(VmdkImage.open(hurt(vmdk, [44, 4, 0n])))).toBe("ERR_INVALID_HEADER");
    expect(await codeOf(VdiImage.open(hurt(baseNamed("vdi", "dynamic.vdi"), [0x178, 4, 0n])))).toMatch(/^ERR_/);
    expect(await codeOf(VhdImage.open(hurt(baseNamed("vhd", "dynamic.vhd"), [512 + 32, 4, 0n])))).toMatch(/^ERR_/);
    const vhdx = baseNamed("vhdx", "dynamic.vhdx");
    const blockSize = vhdx.places.find(({ name }) => name === "metadata 0 value 0");
    expect(await codeOf(VhdxImage.open(hurt(vhdx, [blockSize?.offset ?? 0, 4, 0n])))).toMatch(/^ERR_/);
  });

  it("CVE-2014-0143: sizes that overflow: L1 tables of a disk and of a snapshot, requests, cluster numbers", async () => {
    const image = baseNamed("qcow2", "snapshot.qcow2");
    for (const entries of [0x2000_0000n, 0x7fff_ffffn, 0xffff_ffffn]) {
      expect(await codeOf(Qcow2Image.open(hurt(image, [36, 4, entries])))).toBe("ERR_INVALID_HEADER");
    }
    const whole = await Qcow2Image.open(hurt(image));
    for (const offset of [2 ** 31, 2 ** 53 - 1, 2 ** 53]) {
      await expect(whole.read(new Uint8Array(512), offset)).rejects.toMatchObject({ code: "ERR_RANGE" });
    }
    const refcountTable = Number(new DataView(image.bytes.buffer).getBigUint64(48));
    const wild = await Qcow2Image.open(hurt(image, [refcountTable, 8, (1n << 63n) - 512n]));
    expect((await wild.check()).corruptions).toBeGreaterThan(0);
  });

  it("CVE-2014-0144: lengths and offsets of the header that nobody checks", async () => {
    const image = baseNamed("qcow2", "v3-512.qcow2");
    for (const [offset, width] of [
      [16, 4],
      [20, 4],
      [40, 8],
      [48, 8],
      [56, 4],
      [60, 4],
      [64, 8],
      [100, 4],
    ] as const) {
      for (const value of [1n << 31n, (1n << 32n) - 1n]) {
        const file = hurt(image, [offset, width, value], [8, 8, offset === 16 ? 112n : 0n]);
        const code = await codeOf(Qcow2Image.open(file));
        // Where there are no snapshots, nobody looks where they would be.
        expect(code, `${value} at ${offset}`).toMatch(offset === 64 ? /^opened|^ERR_/ : /^ERR_/);
      }
    }
    // The length of a header extension.
    expect(await codeOf(Qcow2Image.open(hurt(image, [112, 4, 1n], [116, 4, 0xffff_ffffn])))).toBe("ERR_INVALID_HEADER");
  });

  it("CVE-2014-0145: the L1 table of a snapshot is larger than anything", async () => {
    const image = baseNamed("qcow2", "snapshot.qcow2");
    const table = Number(new DataView(image.bytes.buffer).getBigUint64(64));
    for (const entries of [0x0100_0000n, 0x7fff_ffffn, 0xffff_ffffn]) {
      const opened = await Qcow2Image.open(hurt(image, [table + SNAPSHOT_L1_SIZE, 4, entries]));
      const { corruptions, checkErrors } = await opened.check();
      expect(corruptions + checkErrors).toBeGreaterThan(0);
    }
  });

  it("CVE-2014-0146: opening fails while snapshots are counted and not yet read", async () => {
    const image = baseNamed("qcow2", "snapshot.qcow2");
    const file = hurt(image, [60, 4, 65_535n], [8, 8, 0xffffn], [16, 4, 1n]);
    expect(await codeOf(Qcow2Image.open(file))).toMatch(/^ERR_/);
    expect(await codeOf(Qcow2Image.open(hurt(image, [60, 4, 65_535n])))).toMatch(/^ERR_|^opened/);
  });

  it("CVE-2014-0147: a snapshot whose tables count clusters outside of the file, or below zero", async () => {
    const image = baseNamed("qcow2", "snapshot.qcow2");
    const view = new DataView(image.bytes.buffer);
    const l1 = Number(view.getBigUint64(Number(view.getBigUint64(64))));
    for (const entry of [(1n << 63n) - 4096n, 1n << 62n, 1n << 55n, (1n << 56n) - 512n]) {
      const opened = await Qcow2Image.open(hurt(image, [l1, 8, entry]), { write: true });
      const { corruptions } = await opened.check();
      expect(corruptions).toBeGreaterThan(0);
      await opened.close();
    }
  });

  it("CVE-2014-0222 and CVE-2014-0223: version 1 images with huge L2 tables or sizes are refused by their version", async () => {
    const image = baseNamed("qcow2", "v2-512.qcow2");
    for (const l2Bits of [0x40n, 0xffn]) {
      expect(await codeOf(Qcow2Image.open(hurt(image, [4, 4, 1n], [32, 1, l2Bits])))).toBe("ERR_UNSUPPORTED_VERSION");
    }
    const huge = hurt(image, [4, 4, 1n], [24, 8, (1n << 63n) - 1n]);
    expect(await codeOf(Qcow2Image.open(huge))).toBe("ERR_UNSUPPORTED_VERSION");
  });

  it("CVE-2015-5163: the backing file of an image is opened only by who is asked, and nobody is by default", async () => {
    const file = renamed(baseNamed("qcow2", "chain-top.qcow2"), "chain-middle.qcow2", "/etc/./////passwd\0");
    expect(await codeOf(Qcow2Image.open(file))).toBe("ERR_REFERENCE_DENIED");
    const asked: string[] = [];
    const openReferenced = async ({ name }: { name: string }): Promise<Backend> => {
      asked.push(name);
      throw new Error("no");
    };
    await codeOf(Qcow2Image.open(file, { openReferenced }));
    expect(asked).toEqual(["/etc/./////passwd"]);
  });

  it("CVE-2022-47951: a VMDK descriptor names any file as its flat extent", async () => {
    const file = renamed(
      baseNamed("vmdk", "monolithicFlat.vmdk"),
      "monolithicFlat-flat.vmdk",
      `/etc/passwd" 0\n#${" ".repeat(7)}`,
    );
    expect(await codeOf(VmdkImage.open(file))).toBe("ERR_REFERENCE_DENIED");
  });

  it("CVE-2024-4467 and CVE-2024-32498: an external data file that is a path or a json: pseudo-name", async () => {
    for (const name of ["/etc/pwd", "json:{}1"]) {
      const code = await codeOf(Qcow2Image.open(renamed(baseNamed("qcow2", "data-file.qcow2"), "data.raw", name)));
      expect(["ERR_REFERENCE_DENIED", "ERR_UNSUPPORTED_FEATURE"]).toContain(code);
    }
  });
});
