import { type Base, type Place, row } from "./base.ts";
import { sealVhd, sealVhdx } from "./seals.ts";

/** Where a structure may be, in bytes and in sectors. */
function valuesOf(bytes: Uint8Array, structures: readonly number[]): bigint[] {
  const all = [...structures, 0, 512, bytes.byteLength, bytes.byteLength - 512];
  return all.flatMap((at) => [BigInt(at), BigInt(Math.floor(at / 512)), BigInt(Math.floor(at / 2 ** 20))]);
}

export function vdiBase(title: string, bytes: Uint8Array): Base {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [map, data] = [view.getUint32(0x154, true), view.getUint32(0x158, true)];
  const places = [
    ...row("header", 0x40, 8, 4, true),
    ...row("header behind", 0x154, 8, 4, true),
    ...row("disk size", 0x170, 1, 8, true),
    ...row("blocks", 0x178, 12, 4, true),
    ...row("uuid", 0x188, 8, 8, true),
    ...row("block map", map, 8, 4, true),
  ];
  return { title, format: "vdi", bytes, places, values: valuesOf(bytes, [map, data]) };
}

export function vhdBase(title: string, bytes: Uint8Array): Base {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const footer = (at: number): Place[] => [
    ...row(`footer at ${at}`, at, 21, 4),
    ...row(`footer at ${at}, sizes`, at + 16, 6, 8),
  ];
  const isDynamic = view.getUint32(bytes.byteLength - 512 + 60) !== 2;
  if (!isDynamic)
    return {
      title,
      format: "vhd",
      bytes,
      places: footer(bytes.byteLength - 512),
      values: valuesOf(bytes, []),
      seal: sealVhd,
    };
  const table = Number(view.getBigUint64(512 + 16));
  const places = [
    ...footer(0),
    ...footer(bytes.byteLength - 512),
    ...row("dynamic header", 512, 16, 4),
    ...row("dynamic header, offsets", 512 + 8, 2, 8),
    ...row("parent locators", 512 + 576, 16, 4),
    ...row("block table", table, 8, 4),
  ];
  return { title, format: "vhd", bytes, places, values: valuesOf(bytes, [table, table + 512]), seal: sealVhd };
}

export function vhdxBase(title: string, bytes: Uint8Array): Base {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const places: Place[] = [...row("identifier", 0, 1, 8)];
  for (const at of [65_536, 131_072]) {
    places.push(...row(`header at ${at}`, at, 8, 4, true), ...row(`header at ${at}, log`, at + 64, 4, 4, true));
    places.push(...row(`header at ${at}, log offset`, at + 72, 1, 8, true));
  }
  const structures: number[] = [];
  const tableAt = 196_608;
  places.push(...row("region table", tableAt, 4, 4, true));
  for (let index = 0; index < view.getUint32(tableAt + 8, true); index++) {
    const entry = tableAt + 16 + index * 32;
    const at = Number(view.getBigUint64(entry + 16, true));
    structures.push(at);
    places.push(...row(`region ${index}`, entry, 4, 8, true), ...row(`region ${index} length`, entry + 24, 2, 4, true));
    const isMetadata = new TextDecoder().decode(bytes.subarray(at, at + 8)) === "metadata";
    places.push(...(isMetadata ? metadata(at) : row("block table", at, 8, 8, true)));
  }
  return { title, format: "vhdx", bytes, places, values: valuesOf(bytes, structures), seal: sealVhdx };

  function metadata(at: number): Place[] {
    const found: Place[] = [...row("metadata", at, 8, 2, true)];
    for (let index = 0; index < view.getUint16(at + 10, true); index++) {
      const entry = at + 32 + index * 32;
      found.push(...row(`metadata ${index}`, entry + 16, 3, 4, true));
      found.push(...row(`metadata ${index} value`, at + view.getUint32(entry + 16, true), 2, 4, true));
    }
    return found;
  }
}

export function vmdkBase(title: string, bytes: Uint8Array): Base {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0) !== 0x4b444d56) {
    return {
      title,
      format: "vmdk",
      bytes,
      places: row("descriptor", 0, Math.min(400, bytes.byteLength), 1),
      values: [10n, 34n, 61n],
    };
  }
  const places: Place[] = [...sparseHeader(0), ...row("descriptor", 512, 400, 1)];
  const structures: number[] = [512];
  const directories = [48, 56].map((field) => Number(view.getBigUint64(field, true)) * 512);
  for (const at of directories) {
    if (at <= 0 || at + 32 > bytes.byteLength) continue;
    structures.push(at);
    places.push(...row(`directory at ${at}`, at, 8, 4, true));
    const table = view.getUint32(at, true) * 512;
    if (table > 0 && table + 64 < bytes.byteLength) places.push(...row(`table at ${table}`, table, 16, 4, true));
  }
  // Stream-optimized images end in markers and a footer, with tables before them.
  for (let at = bytes.byteLength - 4096; at < bytes.byteLength; at += 512) {
    if (at > 0) places.push(...row(`marker at ${at}`, at, 5, 4, true));
  }
  if (bytes.byteLength > 1536) places.push(...sparseHeader(bytes.byteLength - 1024));
  return { title, format: "vmdk", bytes, places, values: valuesOf(bytes, structures) };
}

function sparseHeader(at: number): Place[] {
  return [
    ...row(`header at ${at}`, at, 3, 4, true),
    ...row(`header at ${at}, sectors`, at + 12, 4, 8, true),
    ...row(`header at ${at}, entries`, at + 44, 1, 4, true),
    ...row(`header at ${at}, offsets`, at + 48, 3, 8, true),
    ...row(`header at ${at}, rest`, at + 72, 7, 1, true),
  ];
}
