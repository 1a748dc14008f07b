import { type BackendFactory, type ConformanceOptions, describeBackend } from "../src/conformance/index.js";

/** The outcome of a test, under the titles of its groups but for the outermost. */
export interface Outcome {
  readonly title: string;
  readonly error: unknown;
}

/** Runs the kit without any test runner, one test after the other. Gives the outcome of each. */
export async function runKit(factory: BackendFactory, options?: ConformanceOptions): Promise<Outcome[]> {
  const path: string[] = [];
  const tests: { readonly title: string; readonly body: () => Promise<void> }[] = [];
  describeBackend(
    {
      describe(name, body) {
        path.push(name);
        body();
        path.pop();
      },
      it(name, body) {
        tests.push({ title: [...path.slice(1), name].join(" > "), body });
      },
    },
    factory,
    options,
  );
  const outcomes: Outcome[] = [];
  for (const { title, body } of tests) {
    const error: unknown = await body().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    outcomes.push({ title, error });
  }
  return outcomes;
}
