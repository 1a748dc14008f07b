import { FsBackend } from "@instar/backend-fs";
import { describe, expect, it } from "vitest";

import { Qcow2Image } from "../../src/index.js";
import { newImage } from "../engine/support.js";
import { hasQemu, qemuImg, qemuImgJson, qemuIo, qemuNote, Scratch } from "../format-support.js";

async function opened(path: string, dataPath: string): Promise<Qcow2Image> {
  const file = await FsBackend.open(path, { write: true });
  return Qcow2Image.open(file, { write: true, dataFile: await FsBackend.open(dataPath, { write: true }) });
}

describe.skipIf(!hasQemu)(`the external data file that amend names${qemuNote}`, () => {
  it.each(["data_file_raw=on", "data_file_raw=off,cluster_size=4k"])("is the one QEMU reads: %s", async (options) => {
    using scratch = new Scratch();
    const [path, first, second] = [scratch.file("image"), scratch.file("first"), scratch.file("second")];
    qemuImg("create", "-q", "-f", "qcow2", "-o", `data_file=${first},${options}`, path, "1M");
    qemuIo(path, "write -P 7 64k 128k");
    const image = await opened(path, first);
    await image.amend({ dataFile: second, dataFileRaw: false });
    expect(image.info()).toMatchObject({ dataFile: second, dataFileRaw: false });
    // An image that is open goes on with the file that it has.
    await image.write(new Uint8Array(65_536).fill(9), 262_144);
    await image.close();
    qemuImg("convert", "-f", "raw", "-O", "raw", first, second);
    const { data } = qemuImgJson(["info", "--output=json", path])["format-specific"] as { data: unknown };
    expect(data).toMatchObject({ "data-file": second, "data-file-raw": false });
    expect(qemuIo(path, "read -P 7 64k 128k", "read -P 9 256k 64k")).not.toContain("Pattern verification failed");
    qemuImg("check", path);
  });
});

describe("a data file", () => {
  it("is not given to an image without one, nor made the disk by itself", async () => {
    const { image } = await newImage({ size: 1_000_000, clusterSize: 512 });
    for (const options of [{ dataFile: "x" }, { dataFileRaw: true }]) {
      await expect(image.amend(options)).rejects.toMatchObject({ code: "ERR_INVALID_OPTION" });
    }
    await image.amend({ dataFileRaw: false });
    expect(image.info().dataFile).toBeUndefined();
  });
});
