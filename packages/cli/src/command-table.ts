import type { Command } from "./command.js";

/** A command that has not been loaded: start-up time counts, since scripts call the program by the hundred. */
export interface CommandEntry {
  /** One line: what it does. */
  readonly summary: string;
  /** Loads it. */
  readonly load: () => Promise<Command>;
}

/** Every command by its name. */
export const COMMANDS: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  [
    "amend",
    {
      summary: "change options of an image that is there",
      load: async () => (await import("./commands/amend.js")).amendCommand,
    },
  ],
  [
    "bench",
    {
      summary: "measure how fast an image is read or written",
      load: async () => (await import("./commands/bench.js")).benchCommand,
    },
  ],
  [
    "bitmap",
    {
      summary: "make, change and remove the dirty bitmaps of an image",
      load: async () => (await import("./commands/bitmap.js")).bitmapCommand,
    },
  ],
  [
    "check",
    {
      summary: "check that an image is consistent",
      load: async () => (await import("./commands/check.js")).checkCommand,
    },
  ],
  [
    "commit",
    {
      summary: "write what an image holds into the one below it",
      load: async () => (await import("./commands/commit.js")).commitCommand,
    },
  ],
  [
    "compare",
    {
      summary: "compare what two images hold",
      load: async () => (await import("./commands/compare.js")).compareCommand,
    },
  ],
  [
    "completion",
    {
      summary: "print a script that has a shell complete command lines",
      load: async () => (await import("./commands/completion.js")).completionCommand,
    },
  ],
  [
    "convert",
    {
      summary: "copy an image into a new one, of the same or another format",
      load: async () => (await import("./commands/convert.js")).convertCommand,
    },
  ],
  [
    "create",
    { summary: "make an empty image", load: async () => (await import("./commands/create.js")).createCommand },
  ],
  [
    "dd",
    {
      summary: "copy a part of an image into a new one",
      load: async () => (await import("./commands/dd.js")).ddCommand,
    },
  ],
  ["info", { summary: "tell what an image is", load: async () => (await import("./commands/info.js")).infoCommand }],
  [
    "io",
    {
      summary: "read, write, zero and discard parts of an image",
      load: async () => (await import("./commands/io.js")).ioCommand,
    },
  ],
  [
    "map",
    { summary: "show where the data of an image is", load: async () => (await import("./commands/map.js")).mapCommand },
  ],
  [
    "measure",
    {
      summary: "tell how much space a new image would need",
      load: async () => (await import("./commands/measure.js")).measureCommand,
    },
  ],
  [
    "rebase",
    {
      summary: "put an image over another one",
      load: async () => (await import("./commands/rebase.js")).rebaseCommand,
    },
  ],
  [
    "resize",
    {
      summary: "change the size of an image",
      load: async () => (await import("./commands/resize.js")).resizeCommand,
    },
  ],
  [
    "serve",
    {
      summary: "serve an image over NBD",
      load: async () => (await import("./commands/serve.js")).serveCommand,
    },
  ],
  [
    "snapshot",
    {
      summary: "list, make, apply and remove the snapshots inside an image",
      load: async () => (await import("./commands/snapshot.js")).snapshotCommand,
    },
  ],
  [
    "wrappers",
    {
      summary: "make programs named qemu-img and qemu-io that call instar",
      load: async () => (await import("./commands/wrappers.js")).wrappersCommand,
    },
  ],
]);
