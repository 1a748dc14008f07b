import { expectRejection, expectSame, expectThat } from "../assert.js";
import { expectContents, type Kit } from "../kit.js";
import { methods } from "../methods.js";

const flags = ["write", "grow", "truncate", "writeZeroes", "discard", "allocate", "extents", "durable"] as const;

/** What the manifest promises and denies. */
export function manifestRules(kit: Kit): void {
  const { capabilities } = kit;
  kit.group("manifest", () => {
    kit.test("is the one the factory declares, and stays so", async ({ backend, contents, close }) => {
      const check = (when: string): void => {
        for (const flag of flags) {
          expectSame(backend.capabilities[flag], capabilities[flag], `capabilities.${flag} ${when}`);
        }
      };
      check("after opening");
      await backend.read(new Uint8Array(1), 0);
      if (capabilities.write) await backend.write(contents.subarray(0, 1), 0);
      check("after use");
      await close();
    });

    kit.test("promises no change without write", async () => {
      if (capabilities.write) return;
      for (const flag of ["grow", "truncate", "writeZeroes", "discard", "allocate"] as const) {
        expectThat(!capabilities[flag], `capabilities.${flag} is true, but capabilities.write is false`);
      }
    });

    kit.test("comes with a name and the size", async ({ backend, contents }) => {
      expectThat(typeof backend.name === "string" && backend.name !== "", "name must say what the backend is");
      expectSame(backend.size, contents.length, "size after opening");
    });

    for (const { name, flag, changes, call } of methods) {
      if (flag === undefined || capabilities[flag]) continue;
      const code = changes && !capabilities.write ? "ERR_READ_ONLY" : "ERR_UNSUPPORTED";
      kit.test(`lacks ${name}, which rejects with ${code} and changes nothing`, async ({ backend, contents }) => {
        await expectRejection(() => call(backend, contents.length), code, name);
        await expectContents(backend, contents, `contents after a refused ${name}`);
      });
    }
  });
}
