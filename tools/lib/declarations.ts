import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isNode, nameOf, parseFile, type Source, type SyntaxNode, walk } from "./source.ts";

/** Where a name comes from: a declaration in a file of the package, or another package. */
export type Origin =
  | { readonly kind: "own"; readonly file: DeclarationFile; readonly name: string }
  | { readonly kind: "foreign"; readonly module: string; readonly name: string };

/** Reads the `.d.ts` files of one built package and finds where the names in them are declared. */
export class Declarations {
  readonly #files = new Map<string, DeclarationFile>();

  /** @throws when it is missing or not understood. */
  file(path: string): DeclarationFile {
    const known = this.#files.get(path);
    if (known) return known;
    if (!existsSync(path)) throw new Error(`${path} is missing; build first`);
    const file = new DeclarationFile(parseFile(path), this);
    this.#files.set(path, file);
    return file;
  }
}

/** One `.d.ts` file: what it declares, imports and exports. */
export class DeclarationFile {
  readonly source: Source;
  readonly #all: Declarations;
  /** Declarations by name: several where a function is overloaded, or a type and a value share the name. */
  readonly #declared = new Map<string, SyntaxNode[]>();
  readonly #imported = new Map<string, Reference>();
  readonly #exported = new Map<string, Reference>();
  readonly #stars: string[] = [];

  constructor(source: Source, all: Declarations) {
    this.source = source;
    this.#all = all;
    for (const statement of source.program.body as readonly unknown[]) {
      if (isNode(statement)) this.#read(statement);
    }
  }

  /** Exported names with their origin; those of `export *` included. */
  exports(): Map<string, Origin> {
    const names = new Map<string, Origin>();
    for (const module of this.#stars) {
      for (const [name, origin] of this.#open(module).exports()) names.set(name, origin);
    }
    for (const [name, reference] of this.#exported) names.set(name, this.#follow(reference));
    return names;
  }

  /** Where a name that is used in this file comes from; undefined where it is global, or bound within a declaration. */
  origin(name: string): Origin | undefined {
    if (this.#declared.has(name)) return { kind: "own", file: this, name };
    const reference = this.#imported.get(name);
    return reference && this.#follow(reference);
  }

  /** The text of all declarations of a name behind a keyword: no comments, no empty lines. */
  textOf(name: string, keyword: "export" | "declare"): string {
    return (this.#declared.get(name) ?? []).map((node) => `${keyword} ${this.#textOf(node)}`).join("\n");
  }

  /** The names that the declarations of a name mention. */
  mentionedBy(name: string): Set<string> {
    const mentioned = new Set<string>();
    for (const declaration of this.#declared.get(name) ?? []) {
      for (const { node, parent } of walk(declaration)) {
        if (parent && isMention(node, parent)) mentioned.add(nameOf(node) ?? "");
      }
    }
    return mentioned;
  }

  #read(statement: SyntaxNode): void {
    const module = moduleOf(statement);
    switch (statement.type) {
      case "ImportDeclaration":
        for (const each of nodes(statement["specifiers"])) {
          const name = each.type === "ImportSpecifier" ? (nameOf(each["imported"]) ?? "") : "*";
          this.#imported.set(nameOf(each["local"]) ?? "", { module, name });
        }
        return;
      case "ExportAllDeclaration":
        if (statement["exported"] || module === undefined) throw this.#notUnderstood(statement);
        this.#stars.push(module);
        return;
      case "ExportNamedDeclaration":
        for (const each of nodes(statement["specifiers"])) {
          this.#exported.set(nameOf(each["exported"]) ?? "", { module, name: nameOf(each["local"]) ?? "" });
        }
        if (!isNode(statement["declaration"])) return;
        for (const name of this.#declare(statement["declaration"]))
          this.#exported.set(name, { module: undefined, name });
        return;
      default:
        this.#declare(statement);
    }
  }

  #declare(statement: SyntaxNode): string[] {
    if (!declaring.has(statement.type)) throw this.#notUnderstood(statement);
    const declarators = nodes(statement["declarations"]);
    const names = (declarators.length > 0 ? declarators : [statement]).map((node) => nameOf(node["id"]) ?? "");
    for (const name of names) this.#declared.set(name, [...(this.#declared.get(name) ?? []), statement]);
    return names;
  }

  #follow({ module, name }: Reference): Origin {
    if (module?.startsWith(".")) {
      const origin = this.#open(module).exports().get(name);
      if (!origin) throw new Error(`${this.source.path}: ${module} does not export ${name}`);
      return origin;
    }
    if (module !== undefined) return { kind: "foreign", module, name };
    const origin = this.origin(name);
    if (!origin) throw new Error(`${this.source.path}: exports ${name}, which it does not declare`);
    return origin;
  }

  #open(module: string): DeclarationFile {
    return this.#all.file(resolve(this.source.path, "..", module.replace(/\.js$/, ".d.ts")));
  }

  #textOf(node: SyntaxNode): string {
    let text = this.source.text.slice(node.start, node.end);
    const comments = this.source.comments.filter(({ start, end }) => start >= node.start && end <= node.end);
    for (const { start, end } of comments.toReversed()) {
      text = text.slice(0, start - node.start) + text.slice(end - node.start);
    }
    const lines = text.split("\n").map((line) => line.trimEnd());
    return lines
      .filter((line) => line !== "")
      .join("\n")
      .replace(/^declare /, "");
  }

  #notUnderstood(node: SyntaxNode): Error {
    return new Error(`${this.source.path}:${this.source.line(node.start)}: ${node.type} is not understood in a report`);
  }
}

/** A name in another module, or in the same file. */
interface Reference {
  readonly module: string | undefined;
  readonly name: string;
}

const declaring = new Set([
  "ClassDeclaration",
  "FunctionDeclaration",
  "TSDeclareFunction",
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "VariableDeclaration",
]);

/** Whether an identifier names something declared elsewhere: not a member, a parameter or the declaration itself. */
function isMention(node: SyntaxNode, parent: SyntaxNode): boolean {
  if (mentioning.has(parent.type)) return true;
  if (parent.type === "ClassDeclaration") return parent["superClass"] === node;
  if (parent.type === "TSQualifiedName") return parent["left"] === node;
  if (parent.type === "MemberExpression") return parent["object"] === node;
  return parent["key"] === node && parent["computed"] === true;
}

const mentioning = new Set(["TSTypeReference", "TSTypeQuery", "TSInterfaceHeritage", "TSClassImplements"]);

function moduleOf(statement: SyntaxNode): string | undefined {
  const source = statement["source"];
  return isNode(source) && typeof source["value"] === "string" ? source["value"] : undefined;
}

function nodes(list: unknown): SyntaxNode[] {
  return Array.isArray(list) ? list.filter((each) => isNode(each)) : [];
}
