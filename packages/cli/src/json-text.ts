/** What the indentation grows by on each level. */
const STEP = "    ";

/**
 * A value as JSON with an indentation of four spaces, piece by piece. What can be iterated asynchronously becomes an array
 * whose members are never in memory together.
 */
export async function* jsonText(value: unknown, indent = ""): AsyncGenerator<string> {
  const inner = indent + STEP;
  if (isAsyncIterable(value)) {
    let separator = "";
    for await (const member of value) {
      yield `${separator || "["}\n${inner}${JSON.stringify(member, null, STEP).replaceAll("\n", `\n${inner}`)}`;
      separator = ",";
    }
    yield separator === "" ? "[]" : `\n${indent}]`;
  } else if (Array.isArray(value) && value.length > 0) {
    for (const [index, member] of value.entries()) {
      yield `${index === 0 ? "[" : ","}\n${inner}`;
      yield* jsonText(member, inner);
    }
    yield `\n${indent}]`;
  } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    let separator = "";
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      yield `${separator || "{"}\n${inner}${JSON.stringify(key)}: `;
      yield* jsonText(member, inner);
      separator = ",";
    }
    yield separator === "" ? "{}" : `\n${indent}}`;
  } else yield JSON.stringify(value);
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
