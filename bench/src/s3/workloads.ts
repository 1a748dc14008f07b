import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program that reads disks over the network. */
export interface Tool {
  readonly name: string;
  /** Whether it is asked for a workload. Defaults to all of them. */
  serves?(workload: Workload): boolean;
  /** Whether it is there. */
  readonly check: readonly string[];
  /** The command line for a workload on the disk at an origin. */
  command(workload: Workload, origin: string): readonly string[];
}

/** Something to do with a disk. */
export interface Workload {
  readonly title: string;
  /** Arguments of qemu-img, or of qemu-io, where `DISK` stands for the disk. */
  readonly img?: readonly string[];
  readonly io?: readonly string[];
}

/** The workloads; what they write goes into a folder. */
export function workloads(folder: string): Workload[] {
  const target = join(folder, "target");
  return [
    { title: "(a) info", img: ["info", "DISK"] },
    { title: "(b) 100 MiB in sequence", img: ["dd", "-O", "raw", "bs=1M", "count=100", "if=DISK", `of=${target}`] },
    { title: "(c) 2,000 random reads of 4 KiB, with locality", io: localReads().flatMap((read) => ["-c", read]) },
    { title: "(d) convert to raw", img: ["convert", "-t", "unsafe", "-O", "raw", "DISK", target] },
  ];
}

/** Reads in twenty places of 1 MiB, of which some are visited more often than others. */
function localReads(): string[] {
  let state = 1;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 2 ** 31) * limit);
  };
  const places = Array.from({ length: 20 }, () => below(127) * 2 ** 20);
  return Array.from({ length: 2000 }, () => {
    const place = places[Math.min(below(20), below(20))] ?? 0;
    return `read -q ${place + below(256) * 4096} 4096`;
  });
}

function filled(argv: readonly string[], disk: string): string[] {
  return argv.map((argument) => argument.replace("DISK", disk));
}

/** The tools that are compared; the executable of the command line is handed in. */
export function tools(instar: string): Tool[] {
  const s3 = (origin: string): string => `s3://bucket/disk.qcow2?endpoint=${origin}`;
  const inside = fileURLToPath(new URL("inside/main.js", import.meta.url));
  const standalone = join(dirname(instar), "../dist/instar");
  const ours = ({ img, io }: Workload, origin: string): string[] =>
    img ? filled(img, s3(origin)) : ["io", "-r", ...(io ?? []), s3(origin)];
  const qemu = ({ img, io }: Workload, disk: string): string[] =>
    img ? ["qemu-img", ...filled(img, disk)] : ["qemu-io", "-r", ...(io ?? []), disk];
  return [
    {
      name: "**instar**, s3:",
      check: [process.execPath, instar, "--version"],
      command: (workload, origin) => [process.execPath, instar, ...ours(workload, origin)],
    },
    {
      name: "**instar**, the executable without Node",
      check: [standalone, "--version"],
      command: (workload, origin) => [standalone, ...ours(workload, origin)],
    },
    {
      name: "the first one without the start of Node",
      serves: ({ img }) => img?.[0] === "info",
      check: [process.execPath, instar, "--version"],
      command: ({ img = [] }, origin) => [process.execPath, inside, instar, ...filled(img, s3(origin))],
    },
    {
      name: "qemu-img, its curl driver",
      check: ["sh", "-c", "qemu-img --help | grep -qw https"],
      command: (workload, origin) => qemu(workload, `${origin}/bucket/disk.qcow2`),
    },
    {
      name: "qemu-img over nbdkit-curl-plugin",
      check: ["nbdkit", "curl", "--dump-plugin"],
      command(workload, origin) {
        const shell = qemu(workload, "$uri")
          .map((word) => (word.includes("$uri") ? `"${word}"` : `'${word}'`))
          .join(" ");
        return ["nbdkit", "-U", "-", "curl", `url=${origin}/bucket/disk.qcow2`, "--run", shell];
      },
    },
  ];
}
