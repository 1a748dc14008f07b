#!/usr/bin/env node
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`instar: needs Node.js 22.18 or newer, this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  const { run, nodeHost } = await import("../dist/bundle/instar.mjs");
  process.exitCode = await run(process.argv.slice(2), nodeHost());
}
