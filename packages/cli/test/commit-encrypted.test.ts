import { copyFileSync, mkdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { HAS_QEMU, instar, NEEDS_QEMU, qemu, scratch } from "./harness.js";

const at = scratch();
const LAYERS = ["base", "middle", "top"] as const;
/** Each layer has a secret of its own. */
const SECRETS = LAYERS.flatMap((layer) => ["--object", `secret,id=${layer},data=the ${layer}`]);
const QUICK = "encrypt.format=luks,encrypt.iter-time=1,encrypt.cipher-alg=aes-128";

/** What `--image-opts` takes for a layer and those below it, in a directory. */
function described(directory: string, top: number): string {
  return LAYERS.slice(0, top + 1)
    .toReversed()
    .flatMap((name, depth) => {
      const node = "backing.".repeat(depth);
      const file = at(directory, `${name}.qcow2`);
      return [`${node}driver=qcow2`, `${node}file.filename=${file}`, `${node}encrypt.key-secret=${name}`];
    })
    .join(",");
}

async function good(command: string, ...argv: string[]): Promise<void> {
  const { code, err } = await instar([command, ...SECRETS, ...argv]);
  expect([code, err]).toEqual([0, ""]);
}

/** Expects the base of a directory to show what the layers held. */
async function expectCommitted(directory: string): Promise<void> {
  const commands = ["read -P 1 0 100k", "read -P 3 100k 100k", "read -P 2 200k 150k", "read -P 1 350k 1698k"];
  const options = commands.flatMap((command) => ["-c", command]);
  await good("io", "--image-opts", ...options, described(directory, 0));
  if (HAS_QEMU) await qemu("qemu-io", ...SECRETS, "--image-opts", ...options, described(directory, 0));
}

/** A directory of its own with the chain in it. */
function copied(directory: string): string {
  mkdirSync(at(directory));
  for (const name of LAYERS) copyFileSync(at("made", `${name}.qcow2`), at(directory, `${name}.qcow2`));
  return directory;
}

beforeAll(async () => {
  mkdirSync(at("made"));
  for (const [index, name] of LAYERS.entries()) {
    const below = index === 0 ? [] : ["-u", "-b", `${LAYERS[index - 1]}.qcow2`, "-F", "qcow2"];
    const options = `${QUICK},encrypt.key-secret=${name}`;
    await good("create", "-q", "-f", "qcow2", "-o", options, ...below, at("made", `${name}.qcow2`), "2M");
  }
  const writes = ["write -q -P 1 0 2M", "write -q -P 2 150k 200k", "write -q -P 3 100k 100k"];
  for (const [top, write] of writes.entries()) await good("io", "--image-opts", "-c", write, described("made", top));
});

describe("commit in a chain of encrypted images, each with a secret of its own", () => {
  it("-b goes through those between", async () => {
    const directory = copied("through");
    const base = at(directory, "base.qcow2");
    await good("commit", "-q", "--image-opts", "-b", base, described(directory, 2));
    await expectCommitted(directory);
  });

  it("goes down one by one", async () => {
    const directory = copied("stepwise");
    for (const top of [2, 1]) await good("commit", "-q", "--image-opts", described(directory, top));
    await expectCommitted(directory);
  });

  it.skipIf(!HAS_QEMU)(`-b does what QEMU does, and takes its name of the base ${NEEDS_QEMU}`, async () => {
    for (const program of ["instar", "qemu-img"]) {
      const directory = copied(program);
      // QEMU knows it by no other name, nor by another spelling of this one.
      const file = `{"driver": "file", "filename": "${at(directory, "base.qcow2")}"}`;
      const base = `json:{"encrypt.key-secret": "base", "driver": "qcow2", "file": ${file}}`;
      const argv = ["-q", "--image-opts", "-b", base, "-d", described(directory, 2)];
      if (program === "instar") await good("commit", ...argv);
      else await qemu("qemu-img", "commit", ...SECRETS, ...argv);
      await expectCommitted(directory);
    }
  });
});
