import { random } from "./disks.js";

/** A command line that is to do the same here and in QEMU. */
export interface Step {
  /** `DIR/` stands for the directory of the images. */
  readonly argv: readonly string[];
  /** What of what it prints is compared. */
  readonly compares: "code" | "text" | "json" | "map";
  /** Images that it makes or changes. */
  readonly changes: readonly string[];
  /** What it makes of an image, where it succeeds. */
  readonly makes?: Known;
}

/** What is known of an image. */
interface Known {
  readonly name: string;
  readonly format: "raw" | "qcow2";
  /** What stands below it. */
  readonly backing?: string | undefined;
  /** Whether it is of version 2. */
  readonly old?: boolean;
  /** Whether it was copied: what of it is data depends on how zeroes were looked for then. */
  readonly copied?: boolean;
}

const MIB = 1024 * 1024;

/** Command lines over a few images, at random. */
export class CommandLines {
  readonly #next: (limit: number) => number;
  readonly #known = new Map<string, Known>();
  #count = 0;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  /** The next one. */
  next(): Step {
    this.#count++;
    if (this.#known.size < 3) return this.#create();
    const kinds = [
      () => this.#create(),
      () => this.#io(),
      () => this.#io(),
      () => this.#io(),
      () => this.#convert(),
      () => this.#convert(),
      () => this.#resize(),
      () => this.#snapshot(),
      () => this.#snapshot(),
      () => this.#rebase(),
      () => this.#commit(),
      () => this.#bitmap(),
      () => this.#amend(),
      () => this.#dd(),
      () => this.#look(),
      () => this.#look(),
      () => this.#look(),
      () => this.#measure(),
      () => this.#wrong(),
    ];
    return this.#one(kinds)();
  }

  /** Is to be told that a step has succeeded. */
  succeeded({ makes }: Step): void {
    if (makes) this.#known.set(makes.name, makes);
  }

  #one<T>(items: readonly T[]): T {
    const item = items[this.#next(items.length)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  }

  #maybe(...words: string[]): string[] {
    return this.#next(3) === 0 ? words : [];
  }

  #image(format?: Known["format"]): Known {
    const fitting = [...this.#known.values()].filter((image) => format === undefined || image.format === format);
    return fitting.length === 0 ? this.#one([...this.#known.values()]) : this.#one(fitting);
  }

  /** An image that none stands on: changing one below others changes what they show in ways that nobody promises. */
  #top(format?: Known["format"]): Known | undefined {
    const below = new Set([...this.#known.values()].map(({ backing }) => backing));
    const fitting = [...this.#known.values()].filter(
      (image) => !below.has(image.name) && (format === undefined || image.format === format),
    );
    return fitting.length === 0 ? undefined : this.#one(fitting);
  }

  /** Whether it is for QEMU, or for a file system, to say what of an image is data. */
  #isVague({ format, backing, copied = false }: Known): boolean {
    const below = backing === undefined ? undefined : this.#known.get(backing);
    return format === "raw" || copied || (below !== undefined && this.#isVague(below));
  }

  /** Whether QEMU may refuse to make it larger: it would have to hide what is below with zeroes that it has none of. */
  #cannotGrow({ old = false, backing }: Known): boolean {
    return old && backing !== undefined;
  }

  #newName(format: Known["format"]): string {
    return `i${this.#count}.${format}`;
  }

  #size(): string {
    return this.#one(["1M", "3M", "1536k", "5242880", "2.5M", `${MIB + 512}`, "700k"]);
  }

  #options(): string[] {
    const options = [
      ...this.#maybe(this.#one(["cluster_size=4k", "cluster_size=512", "cluster_size=128k", "cluster_size=2M"])),
      ...this.#maybe(this.#one(["compat=v3", "compat=1.1"])),
      ...this.#maybe(this.#one(["refcount_bits=8", "refcount_bits=64"])),
      ...this.#maybe("compression_type=zstd"),
    ];
    if (this.#next(6) === 0) return ["-o", "compat=0.10"];
    return options.length === 0 ? [] : ["-o", options.join(",")];
  }

  #create(): Step {
    const format = this.#next(4) === 0 ? "raw" : "qcow2";
    const name = this.#newName(format);
    const file = `DIR/${name}`;
    if (format === "raw" || this.#known.size === 0 || this.#next(2) === 0) {
      const options = format === "raw" ? [] : this.#options();
      const argv = ["create", "-f", format, ...options, file, this.#size()];
      return { argv, compares: "text", changes: [name], makes: { name, format, old: isOld(argv) } };
    }
    const below = this.#image();
    const argv = ["create", "-f", "qcow2", "-b", below.name, "-F", below.format, ...this.#options(), file];
    const sized = [...argv, ...this.#maybe(this.#size())];
    const makes: Known = { name, format, backing: below.name, old: isOld(argv) };
    return { argv: sized, compares: "text", changes: [name], makes };
  }

  #io(): Step {
    const image = this.#top();
    if (!image) return this.#look();
    const commands: string[] = [];
    for (let count = 1 + this.#next(3); count > 0; count--) {
      const offset = 512 * this.#next(1500);
      const length = this.#one([512, 4096, 65_536, 131_072 + 512, 300 * 1024]);
      const pattern = 1 + this.#next(255);
      commands.push(
        this.#one([
          `write -P ${pattern} ${offset} ${length}`,
          `write -P ${pattern} ${offset} ${length}`,
          `write -q -P ${pattern} ${offset + 7} ${length - 3}`,
          `write -z ${offset} ${length}`,
          `read -P ${pattern} ${offset} ${length}`,
          `read -v ${offset} 32`,
          `writev -P ${pattern} ${offset} 512 1k`,
          `aio_write -q -P ${pattern} ${offset} ${length}`,
          "flush",
          "length",
          "bogus",
        ]),
      );
    }
    const argv = ["io", "-f", image.format, ...commands.flatMap((command) => ["-c", command]), `DIR/${image.name}`];
    // Text of commands that failed tells why in other words.
    return { argv, compares: "code", changes: [image.name] };
  }

  #convert(): Step {
    const format = this.#one(["raw", "qcow2", "qcow2"] as const);
    const name = this.#newName(format);
    const sources = this.#next(4) === 0 ? [this.#image(), this.#image()] : [this.#image()];
    const same = sources.every((source) => source.format === sources[0]?.format);
    const options = [
      ...(same ? this.#maybe("-f", sources[0]?.format ?? "raw") : []),
      ...this.#maybe("-S", this.#one(["0", "512", "64k"])),
      ...this.#maybe("-W"),
      ...this.#maybe("-m", this.#one(["1", "4", "16"])),
      ...(format === "qcow2" ? [...this.#maybe("-c"), ...this.#options()] : []),
    ];
    const argv = ["convert", "-O", format, ...options, ...sources.map((source) => `DIR/${source.name}`), `DIR/${name}`];
    return { argv, compares: "text", changes: [name], makes: { name, format, copied: true, old: isOld(argv) } };
  }

  #resize(): Step {
    const image = this.#top();
    if (!image || this.#cannotGrow(image)) return this.#look();
    const size = this.#one(["+1M", "-512k", "4M", "+512", "600k", "-100M", "3000000"]);
    const argv = ["resize", ...this.#maybe("--shrink"), "-f", image.format, `DIR/${image.name}`, size];
    return { argv, compares: "text", changes: [image.name] };
  }

  #snapshot(): Step {
    const image = this.#top("qcow2");
    if (!image) return this.#look();
    const action = this.#one([
      ["-c", this.#one(["a", "b", "c"])],
      ["-a", this.#one(["a", "b", "1"])],
      ["-d", "a"],
      ["-l"],
    ]);
    return { argv: ["snapshot", ...action, `DIR/${image.name}`], compares: "text", changes: [image.name] };
  }

  #rebase(): Step {
    const image = this.#top("qcow2");
    const below = this.#image();
    if (!image || image.name === below.name) return this.#look();
    // QEMU 7.2 loses zeroes of such an image: it shows what is in the new image below.
    if (image.old && image.backing === undefined) return this.#look();
    const alone = this.#next(3) === 0;
    const argv = ["rebase", ...(alone ? ["-b", ""] : ["-b", below.name, "-F", below.format]), `DIR/${image.name}`];
    const makes = { ...image, backing: alone ? undefined : below.name, copied: true };
    return { argv, compares: "text", changes: [image.name], makes };
  }

  #commit(): Step {
    const image = this.#top("qcow2");
    // What else stands on the image below would change with it.
    const siblings = [...this.#known.values()].filter(({ backing }) => backing === image?.backing);
    const base = image?.backing === undefined ? undefined : this.#known.get(image.backing);
    if (!image || siblings.length > 1 || (base && this.#cannotGrow(base))) return this.#look();
    const changes = image.backing === undefined ? [image.name] : [image.name, image.backing];
    return { argv: ["commit", ...this.#maybe("-d"), `DIR/${image.name}`], compares: "text", changes };
  }

  #bitmap(): Step {
    const image = this.#top("qcow2");
    if (!image) return this.#look();
    const actions = [["--add"], ["--add", "-g", "32k"], ["--remove"], ["--clear"], ["--disable"], ["--enable"]];
    const action = this.#one([...actions, ["--add", "--merge", "x"]]);
    return { argv: ["bitmap", ...action, `DIR/${image.name}`, this.#one(["x", "y"])], compares: "code", changes: [] };
  }

  #amend(): Step {
    const image = this.#top("qcow2");
    if (!image || image.format === "raw") return this.#look();
    const change = this.#one(["compat=1.1", "refcount_bits=8", "refcount_bits=64", "lazy_refcounts=on"]);
    const makes = change === "compat=1.1" ? { ...image, old: false } : image;
    return { argv: ["amend", "-o", change, `DIR/${image.name}`], compares: "text", changes: [image.name], makes };
  }

  #dd(): Step {
    const [from, format] = [this.#image(), this.#one(["raw", "qcow2"] as const)];
    const name = this.#newName(format);
    const operands = [
      ...this.#maybe(`bs=${this.#one(["512", "4k", "1000", "1M"])}`),
      ...this.#maybe(`count=${this.#next(50)}`),
      ...this.#maybe(`skip=${this.#next(9)}`),
    ];
    const argv = ["dd", "-f", from.format, "-O", format, ...operands, `if=DIR/${from.name}`, `of=DIR/${name}`];
    return { argv, compares: "text", changes: [name], makes: { name, format, copied: true } };
  }

  #look(): Step {
    const [image, other] = [this.#image(), this.#image()];
    const file = `DIR/${image.name}`;
    const part = [
      ...this.#maybe(`--start-offset=${this.#one(["64k", "1000", "1M"])}`),
      ...this.#maybe(`--max-length=${this.#one(["512k", "100"])}`),
    ];
    return this.#one<Step>([
      { argv: ["info", "--output=json", ...this.#maybe("--backing-chain"), file], compares: "json", changes: [] },
      { argv: ["info", ...this.#maybe("-f", image.format), file], compares: "text", changes: [] },
      { argv: ["info", "--backing-chain", file], compares: "text", changes: [] },
      {
        argv: ["map", "--output=json", "-f", image.format, ...part, file],
        compares: this.#isVague(image) ? "code" : "map",
        changes: [],
      },
      { argv: ["check", "-f", image.format, file], compares: "code", changes: [] },
      {
        argv: ["compare", ...this.#maybe("-q"), "-f", image.format, "-F", other.format, file, `DIR/${other.name}`],
        compares: "text",
        changes: [],
      },
    ]);
  }

  #measure(): Step {
    const image = this.#image();
    // v3 is a name that qemu-img measure does not know.
    const options = this.#next(2) === 0 ? this.#options().map((option) => option.replace("=v3", "=1.1")) : [];
    const what = this.#next(3) === 0 ? ["--size", this.#size()] : ["-f", image.format, `DIR/${image.name}`];
    const format = this.#one(["raw", "qcow2", "qcow2"]);
    const argv = ["measure", "--output=json", "-O", format, ...(format === "raw" ? [] : options), ...what];
    // How much of a file is data is for its file system to say.
    return { argv, compares: what[0] === "--size" || format === "raw" ? "json" : "code", changes: [] };
  }

  /** One that makes no sense. */
  #wrong(): Step {
    const image = this.#image();
    const file = `DIR/${image.name}`;
    const argv = this.#one([
      ["info"],
      ["info", "DIR/nothing"],
      ["info", "-f", "bogus", file],
      ["create", "-f", "qcow2", "-o", "cluster_size=3", "DIR/wrong.qcow2", "1M"],
      ["create", "-f", "qcow2", "DIR/wrong.qcow2"],
      ["convert", file],
      ["convert", "-O", "bogus", file, "DIR/wrong"],
      ["compare", file],
      ["compare", file, "DIR/nothing"],
      ["compare", "-F", "bogus", file, file],
      ["map", "--output=json", "--start-offset=10M", file],
      ["map", "--max-length=0", file],
      ["measure", "-O", "qcow2", "-o", "help"],
      ["measure", "-l", "nothing", "-O", "qcow2", file],
      ["convert", "-l", "nothing", file, "DIR/wrong"],
      ["convert", "-n", file, "DIR/nothing"],
      ["convert", "--target-is-zero", file, "DIR/wrong"],
      ["convert", "-O", "qcow2", "-B", "nothing", "-F", "raw", file, "DIR/wrong"],
      ["amend", file],
      ["amend", "-o", "cluster_size=4k", file],
      ["bitmap", file, "x"],
      ["bitmap", "--add", file],
      ["create", "-f", "raw", "-o", "preallocation=metadata", "DIR/wrong.raw", "1M"],
      ["resize", "--preallocation=bogus", file, "+1M"],
      ["bench", "--flush-interval=5", file],
      ["snapshot", "-c", "a", "-d", "a", file],
      ["snapshot", "-a", "nothing", file],
      ["rebase", file],
      ["resize", file],
      ["resize", file, "abc"],
      ["dd", `if=${file}`],
      ["measure", "--size", "1x"],
      ["map", "--output=xml", file],
      ["check", "DIR/nothing"],
      ["commit", "-b", "nothing", file],
      ["bogus"],
    ]);
    return { argv, compares: "code", changes: [] };
  }
}

function isOld(argv: readonly string[]): boolean {
  return argv.includes("compat=0.10");
}
