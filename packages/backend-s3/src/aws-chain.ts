import { BackendError } from "@instar/backend";
import type { S3CredentialProvider } from "./credentials.js";

/**
 * The credentials that AWS tools find: environment, shared files, single sign-on, web identity, container, machine.
 *
 * The package `@aws-sdk/credential-providers`, which the caller installs, does the finding; it is loaded when
 * credentials are first needed. `profile` names one of the shared files.
 */
export function awsChain(options: { readonly profile?: string | undefined } = {}): S3CredentialProvider {
  let provider: S3CredentialProvider | undefined;
  return async () => {
    provider ??= await load(options.profile);
    return provider();
  };
}

async function load(profile: string | undefined): Promise<S3CredentialProvider> {
  let chain: typeof import("@aws-sdk/credential-providers");
  try {
    chain = await import("@aws-sdk/credential-providers");
  } catch (cause) {
    const message = "the AWS credential chain needs the package @aws-sdk/credential-providers, which cannot be loaded";
    throw new BackendError("ERR_UNSUPPORTED", message, { cause });
  }
  return chain.fromNodeProviderChain(profile === undefined ? {} : { profile });
}
