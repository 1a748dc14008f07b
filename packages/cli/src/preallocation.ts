import { oneOf } from "./args.js";
import { CliError } from "./errors.js";

const MODES = ["off", "metadata", "falloc", "full"] as const;

/** Refuses the value of an option that asks for space to be set aside when an image grows. */
export function requireNoPreallocation(option: string, value = "off"): void {
  const mode = oneOf(option, value, MODES);
  if (mode !== "off") throw new CliError(`${option}=${mode} is not supported (only off)`);
}
