#!/usr/bin/env node
// A module of CommonJS, and so is the bundle: Node begins to run them sooner. Nothing is loaded that an old Node could
// not read, before its version is known.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`instar: needs Node.js 22.18 or newer, this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  start();
}

function start() {
  // Linux takes milliseconds to answer who asks first for its list of locks, as opening a file does: the program loads
  // meanwhile.
  require("node:fs").readFile("/proc/locks", () => {});
  keepCompiled();
  const { run, nodeHost } = require("../dist/bundle/instar.cjs");
  void run(process.argv.slice(2), nodeHost([process.execPath, __filename])).then((code) => {
    process.exitCode = code;
  });
}

/** What V8 makes of the program is kept for the next run in a directory of the user's own, where there can be one. */
function keepCompiled() {
  const { XDG_CACHE_HOME, HOME, LOCALAPPDATA } = process.env;
  const caches = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && `${HOME}/.cache`);
  if (caches) require("node:module").enableCompileCache(`${caches}/instar`);
}
