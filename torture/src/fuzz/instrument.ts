import { parseSync } from "oxc-parser";

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** Text that goes into a source. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** Parts of statements and expressions that run or do not: the branches of a program. */
const BRANCHES: Readonly<Record<string, readonly string[]>> = {
  IfStatement: ["consequent", "alternate"],
  ForStatement: ["body"],
  ForOfStatement: ["body"],
  WhileStatement: ["body"],
  CatchClause: ["body"],
  FunctionDeclaration: ["body"],
  FunctionExpression: ["body"],
  ArrowFunctionExpression: ["body"],
  ConditionalExpression: ["consequent", "alternate"],
  LogicalExpression: ["right"],
};

/**
 * A module that counts in the bytes of `globalThis[edges]` how often each of its branches is taken.
 *
 * @param next gives the number of a new branch
 */
export function instrumented(path: string, source: string, edges: string, next: () => number): string {
  const opening: Insertion[] = [];
  const closing: Insertion[] = [];
  const visit = (node: Node): void => {
    for (const field of BRANCHES[node.type] ?? []) {
      const branch = node[field];
      if (isNode(branch)) enclose(branch, node.type, `globalThis.${edges}[${next()}]++`);
    }
    for (const child of Object.values(node)) {
      for (const each of Array.isArray(child) ? child : [child]) if (isNode(each)) visit(each);
    }
  };
  const enclose = (branch: Node, parent: string, count: string): void => {
    if (branch.type === "BlockStatement") opening.push({ at: branch.start + 1, text: `${count};` });
    else if (parent.endsWith("Expression")) wrap(branch, `(${count}, `, ")");
    else wrap(branch, `{${count};`, "}");
  };
  const wrap = (branch: Node, before: string, after: string): void => {
    opening.push({ at: branch.start, text: before });
    closing.unshift({ at: branch.end, text: after });
  };
  visit(parseSync(path, source).program as unknown as Node);
  // What was opened last is closed first; where one ends another cannot begin.
  const insertions = [...closing, ...opening].toSorted((a, b) => a.at - b.at);
  let result = "";
  let done = 0;
  for (const { at, text } of insertions) {
    result += source.slice(done, at) + text;
    done = at;
  }
  return result + source.slice(done);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}
