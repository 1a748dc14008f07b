export { extentsBelow, readBelow } from "./below.js";
export { readOnlyCapabilities } from "./capabilities.js";
export { ImageError, type ImageErrorCode, type ImageErrorInit, isImageError } from "./image-error.js";
export { type ImageReference, openReference, type ReferenceGate } from "./references.js";
export { joinMappings, mapBelow, mapOf, mappedData, mappedNowhere, mappedZero, type Mapping } from "./mapping.js";
export { quote, type RuleError, ruleErrorOf } from "./rule-error.js";
export { TableSlices } from "./table-slices.js";
