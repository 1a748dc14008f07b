import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

/** The process that holds a lock, as its lock file names it. */
export interface LockOwner {
  /** Of this one lock, by chance: 16 hexadecimal digits. */
  readonly token: string;
  readonly pid: number;
  /** When the process started, in a clock of the machine; empty where the system does not tell. */
  readonly started: string;
  /** What `pid` is a number in: host name, machine id and process namespace. */
  readonly host: string;
  /** Of the machine's present run; empty where the system does not tell. */
  readonly boot: string;
}

/** What the owner of a lock that this process takes is, but for the token. */
export async function thisProcess(): Promise<Omit<LockOwner, "token">> {
  const [machine, namespace, boot, process_] = await Promise.all([
    text("/etc/machine-id"),
    readlink("/proc/self/ns/pid").catch(() => ""),
    text("/proc/sys/kernel/random/boot_id"),
    statOf(process.pid),
  ]);
  const host = [hostname(), machine, namespace].join(" ");
  return { pid: process.pid, started: process_?.started ?? "", host, boot };
}

/**
 * Whether the owner is certainly gone, so that nobody can be writing under its lock any more. On another host, in
 * another container, and wherever there is doubt, the answer is no.
 */
export async function isGone(owner: LockOwner): Promise<boolean> {
  const self = await thisProcess();
  if (owner.host !== self.host) return false;
  // Without a machine id, two machines of one name cannot be told from one that has been started again.
  if (owner.boot !== self.boot) return owner.boot !== "" && self.boot !== "" && (await text("/etc/machine-id")) !== "";
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
  const now = await statOf(owner.pid);
  if (!now || owner.started === "") return false;
  // Another process has got the number since; or it has ended and only its parent has not noticed yet.
  return now.started !== owner.started || now.state === "Z" || now.state === "X";
}

/** State and start time of a process, where the system tells; see proc_pid_stat(5). */
async function statOf(pid: number): Promise<{ state: string; started: string } | undefined> {
  const stat = await text(`/proc/${pid}/stat`);
  // The name of the program comes second, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields[0], fields[19]];
  return state && started ? { state, started } : undefined;
}

async function text(path: string): Promise<string> {
  return (await readFile(path, "utf8").catch(() => "")).trim();
}
