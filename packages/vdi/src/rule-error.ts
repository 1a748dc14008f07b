import { type RuleError, ruleErrorOf } from "@instar/image-format";

/** The error for a field that breaks its rule. */
export const ruleError: RuleError = ruleErrorOf("vdi");
