#!/usr/bin/env node
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`instar: needs Node.js 22.18 or newer, this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  const [{ run }, { nodeHost }] = await Promise.all([import("../dist/main.js"), import("../dist/node-host.js")]);
  process.exitCode = await run(process.argv.slice(2), nodeHost());
}
