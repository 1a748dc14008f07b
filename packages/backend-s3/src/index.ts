export type { S3Location } from "./address.js";
export { awsChain } from "./aws-chain.js";
export type { S3CredentialProvider, S3Credentials } from "./credentials.js";
export { type PublishGuarantee, type S3Conditions } from "./conditions.js";
export type { S3OpenOptions, S3Options, S3WriteOptions } from "./options.js";
export { presign, type PresignOptions } from "./presign.js";
export { S3Backend } from "./s3-backend.js";
export { s3Plugin } from "./s3-plugin.js";
export { parseS3Url } from "./s3-url.js";
