/** Runs this process as a program of that name. Nothing is loaded that an old Node could not read, before it is known. */
export async function start(name) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 22 || (major === 22 && minor < 18)) {
    process.stderr.write(`${name}: needs Node.js 22.18 or newer, this is ${process.version}\n`);
    process.exitCode = 1;
    return;
  }
  const { run, nodeHost } = await import("../dist/bundle/instar.mjs");
  process.exitCode = await run(process.argv.slice(2), nodeHost(), name);
}
