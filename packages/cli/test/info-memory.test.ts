import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { program, scratch } from "./harness.js";

const at = scratch();
/** KiB that a process may have held at most. */
const LIMIT = 200 * 1024;

/** Runs a command line in a process of its own, and tells how much memory that held at most. */
async function peakOf(argv: readonly string[]): Promise<{ code: number; kib: number; err: string }> {
  const bundle = new URL("../dist/bundle/instar.cjs", import.meta.url).href;
  const script = [
    `const { run, nodeHost } = await import(${JSON.stringify(bundle)});`,
    "process.exitCode = await run(process.argv.slice(1), nodeHost());",
    "process.stderr.write(`\\n${process.resourceUsage().maxRSS}`);",
  ].join("\n");
  const { code, err } = await program(process.execPath, ["--input-type=module", "-e", script, "--", ...argv]);
  const [, message = "", kib = ""] = /^(.*)\n(\d+)$/s.exec(err) ?? [];
  return { code, kib: Number(kib), err: message };
}

/** A file of zeroes with some bytes in it, sparse, so that whatever a header points at is there. */
function fileOf(name: string, size: number, pieces: Readonly<Record<number, Buffer>>): string {
  const fd = openSync(at(name), "w");
  ftruncateSync(fd, size);
  for (const [offset, bytes] of Object.entries(pieces)) writeSync(fd, bytes, 0, bytes.byteLength, Number(offset));
  closeSync(fd);
  return at(name);
}

/** A header of qcow2, version 3, with clusters of 64 KiB. */
function qcow2Header(change: (header: Buffer) => void): Buffer {
  const header = Buffer.alloc(512);
  header.write("QFI\xfb", 0, "latin1");
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(16, 20);
  header.writeBigUInt64BE(2n ** 30n, 24);
  header.writeUInt32BE(2, 36);
  header.writeBigUInt64BE(0x30000n, 40);
  header.writeBigUInt64BE(0x10000n, 48);
  header.writeUInt32BE(1, 56);
  header.writeUInt32BE(4, 96);
  header.writeUInt32BE(104, 100);
  change(header);
  return header;
}

const GIB = 2 ** 30;
const CASES: readonly (readonly [what: string, size: number, pieces: Readonly<Record<number, Buffer>>])[] = [
  [
    "qcow2 of 2 EiB with the longest L1 table",
    GIB,
    {
      0: qcow2Header((header) => {
        header.writeBigUInt64BE(2n ** 51n, 24);
        header.writeUInt32BE(4_194_304, 36);
      }),
    },
  ],
  [
    "qcow2 with an L1 table of 2^32-1 entries",
    GIB,
    { 0: qcow2Header((header) => header.writeUInt32BE(0xffffffff, 36)) },
  ],
  [
    "qcow2 with a refcount table of 2^32-1 clusters",
    GIB,
    { 0: qcow2Header((header) => header.writeUInt32BE(0xffffffff, 56)) },
  ],
  [
    "qcow2 with 65536 snapshots",
    GIB,
    {
      0: qcow2Header((header) => {
        header.writeUInt32BE(65_536, 60);
        header.writeBigUInt64BE(0x40000n, 64);
      }),
    },
  ],
  ["qcow2 with snapshots whose names fill 64 MiB", GIB, longNames()],
  [
    "qcow2 with a header extension of 4 GiB",
    GIB,
    {
      0: qcow2Header((header) => {
        header.writeUInt32BE(0x6803f857, 104);
        header.writeUInt32BE(0xffffffff, 108);
      }),
    },
  ],
  ["qcow2 with a header of 2^31 bytes", GIB, { 0: qcow2Header((header) => header.writeUInt32BE(0x80000000, 100)) }],
  ["vdi of the most blocks", GIB, { 0: vdiHeader() }],
  ["vmdk with a descriptor of 2^40 bytes", GIB, { 0: vmdkHeader() }],
  ["vmdk whose descriptor has a million extents", 64 * 1024 * 1024, { 0: vmdkDescriptor() }],
  ["vhdx of zeroes", GIB, { 0: Buffer.from("vhdxfile") }],
  ["vhd whose table is of 2^32-1 entries", GIB, { 0: vhdFooter(), 512: vhdHeader() }],
];

/** As many snapshots as the longest table has room for when ids and names are as long as can be. */
function longNames(): Readonly<Record<number, Buffer>> {
  const length = 40 + 2 * 65_535 + 2;
  const count = Math.floor((64 * 1024 * 1024) / length);
  const entry = Buffer.alloc(length, "n");
  entry.fill(0, 0, 40);
  entry.writeUInt16BE(65_535, 12);
  entry.writeUInt16BE(65_535, 14);
  const header = qcow2Header((bytes) => {
    bytes.writeUInt32BE(count, 60);
    bytes.writeBigUInt64BE(0x40000n, 64);
  });
  return { 0: header, 0x40000: Buffer.concat(Array.from({ length: count }, () => entry)) };
}

function vdiHeader(): Buffer {
  const header = Buffer.alloc(512);
  header.writeUInt32LE(0xbeda107f, 64);
  header.writeUInt32LE(0x10001, 68);
  header.writeUInt32LE(1, 76);
  header.writeUInt32LE(512, 0x154);
  header.writeUInt32LE(1_048_576, 0x158);
  header.writeUInt32LE(512, 0x168);
  header.writeBigUInt64LE(2n ** 50n, 0x170);
  header.writeUInt32LE(1_048_576, 0x178);
  header.writeUInt32LE(0x3fffffff, 0x180);
  return header;
}

function vmdkHeader(): Buffer {
  const header = Buffer.alloc(512);
  header.write("KDMV", 0, "latin1");
  header.writeUInt32LE(1, 4);
  header.writeUInt32LE(3, 8);
  header.writeBigUInt64LE(2n ** 40n, 12);
  header.writeBigUInt64LE(128n, 20);
  header.writeBigUInt64LE(1n, 28);
  header.writeBigUInt64LE(2n ** 31n, 36);
  header.writeUInt32LE(512, 44);
  header.writeBigUInt64LE(21n, 56);
  return header;
}

function vmdkDescriptor(): Buffer {
  const lines = 'RW 1 FLAT "x" 0\n'.repeat(1_000_000);
  return Buffer.from(`# Disk DescriptorFile\nversion=1\nCID=1\ncreateType="monolithicFlat"\n${lines}`);
}

function vhdFooter(): Buffer {
  const footer = Buffer.alloc(512);
  footer.write("conectix", 0, "latin1");
  footer.writeUInt32BE(0x10000, 12);
  footer.writeBigUInt64BE(512n, 16);
  footer.writeBigUInt64BE(2n ** 40n, 48);
  footer.writeUInt32BE(3, 60);
  footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64);
  return footer;
}

function vhdHeader(): Buffer {
  const header = Buffer.alloc(1024);
  header.write("cxsparse", 0, "latin1");
  header.writeBigUInt64BE(1536n, 16);
  header.writeUInt32BE(0x10000, 24);
  header.writeUInt32BE(0xffffffff, 28);
  header.writeUInt32BE(2_097_152, 32);
  header.writeUInt32BE(~header.reduce((sum, byte) => sum + byte, 0) >>> 0, 36);
  return header;
}

describe("info stays small, whatever a header claims", () => {
  const outputs = CASES.flatMap((its) => {
    const [what] = its;
    return (what.includes("snapshots") ? ["human", "json"] : ["human"]).map((output) => [...its, output] as const);
  });

  it.each(outputs)("%s", async (what, size, pieces, output) => {
    const file = fileOf(what.replaceAll(" ", "-"), size, pieces);
    const { code, kib, err } = await peakOf(["info", `--output=${output}`, file]);
    expect(kib).toBeGreaterThan(0);
    expect(kib).toBeLessThan(LIMIT);
    // One line, that names a field and says what its value must be.
    expect([code, err]).toEqual(
      code === 0 ? [0, ""] : [1, expect.stringMatching(/^instar: info: [^\n]* must [^\n]*\n$/)],
    );
  });
});
