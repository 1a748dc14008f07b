import { NbdServer } from "@instar/nbd";
import { OPEN_OPTIONS } from "../access.js";
import { type Arguments, integerIn } from "../args.js";
import { type Command, type Context, defineCommand } from "../command.js";
import { CliError, oneLine, UsageError } from "../errors.js";
import { formatOption } from "../format-names.js";
import { withImage } from "../image.js";
import { openImage } from "../open-image.js";
import { TLS_OPTIONS, tlsOf } from "../serve-tls.js";

const OPTIONS = {
  bind: { short: "b", value: "ADDRESS", help: "where to listen (default: 127.0.0.1, which only this machine reaches)" },
  description: { short: "D", value: "TEXT", help: "what clients show people" },
  "export-name": { short: "x", value: "NAME", help: "what clients ask for (default: the empty name)" },
  format: { short: "f", value: "FMT", help: "format of the image (default: told by its content)" },
  persistent: { short: "t", help: "accepted for scripts; it always goes on when a client leaves" },
  port: { short: "p", value: "PORT", help: "TCP port (default: 10809; 0 for one that is free)" },
  "read-only": { short: "r", help: "refuse writes" },
  socket: { short: "k", value: "PATH", help: "listen on a Unix socket instead" },
  ...TLS_OPTIONS,
  ...OPEN_OPTIONS,
} as const;

/** `instar serve` */
export const serveCommand: Command = defineCommand(
  {
    name: "serve",
    summary: "serve an image over NBD",
    usage: "[-b ADDRESS] [-p PORT] [-k PATH] [-x NAME] [-D TEXT] [-r] [-f FMT] [--tls-certificates=DIR] FILE",
    options: OPTIONS,
    notes: [
      "It serves until it is told to stop by SIGINT or SIGTERM. Then it finishes what is under way, syncs and closes the\n" +
        "image. Whoever reaches the port or the socket may use the image, unless --tls-verify-peer is given.",
    ],
    examples: [
      ["serve -k /run/disk.sock disk.qcow2", "for QEMU: nbd+unix:///?socket=/run/disk.sock"],
      ["serve -r -p 0 https://example.org/disk.qcow2", "an image on a web server, and prints where it is served"],
      [
        "serve -b 0.0.0.0 --tls-certificates=/etc/pki/nbd --tls-verify-peer disk.qcow2",
        "to clients with a certificate",
      ],
    ],
  },
  serve,
);

async function serve(args: Arguments<keyof typeof OPTIONS>, context: Context): Promise<number> {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("expecting one image file name");
  const path = args.value("socket");
  if (path !== undefined && (args.value("port") ?? args.value("bind")) !== undefined) {
    throw new UsageError("-k cannot go with -p or -b: it is one or the other");
  }
  const port = integerIn("-p", args.value("port") ?? "10809", 0, 65_535);
  const host = args.value("bind") ?? "127.0.0.1";
  const name = args.value("export-name") ?? "";
  const description = args.value("description");
  for (const text of [name, description ?? ""]) {
    if (Buffer.byteLength(text) > 4096) throw new UsageError("-x and -D are at most 4096 bytes");
  }
  const tls = await tlsOf(args);
  const readOnly = args.has("read-only");
  const format = formatOption(args.value("format"));
  const image = await openImage(context, file, { format, write: !readOnly, sparse: true });
  return withImage(image, async ({ disk }) => {
    const exports = [{ name, backend: disk, readOnly, ...(description === undefined ? {} : { description }) }];
    const server = new NbdServer({ exports, tls });
    const where = path === undefined ? { port, host } : { path };
    const bound = await server.listen(where).catch((error: unknown) => {
      throw new CliError(`could not listen on ${path ?? `${host}:${port}`}: ${oneLine(error)}`, { cause: error });
    });
    try {
      await context.print(`${tls ? "nbds" : "nbd"}${address(name, path, host, bound)}\n`);
      await stopped(context.signal);
    } finally {
      await server.close();
    }
    return 0;
  });
}

/** What stands behind the scheme. */
function address(name: string, path: string | undefined, host: string, port: number | undefined): string {
  const part = encodeURIComponent(name);
  if (path !== undefined) return `+unix:///${part}?socket=${encodeURI(path)}`;
  return `://${host.includes(":") ? `[${host}]` : host}:${port}/${part}`;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
