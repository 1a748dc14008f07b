import { expect, it } from "vitest";
import { certificate, privateKey } from "./certificate.js";
import { openIn, pattern, readAt } from "./disks.js";
import { startSmallStore } from "./small-store.js";

it("a store whose certificate the system does not trust is read when the certificate is handed in", async () => {
  const store = await startSmallStore({ cert: certificate, key: privateKey });
  store.account = { accessKeyId: "key", secretAccessKey: "hunter2" };
  store.put("bucket/disk", pattern(1000));
  await expect(openIn(store, "disk")).rejects.toMatchObject({ code: "ERR_IO" });
  expect(store.log).toEqual([]);
  const disk = await openIn(store, "disk", { ca: certificate });
  expect(await readAt(disk, 100, 10)).toEqual(pattern(1000).subarray(100, 110));
});
