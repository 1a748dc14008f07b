/** A certificate for 127.0.0.1 that no system trusts; `openssl req -x509 -newkey ec` made it for the tests here. */
export const certificate: string = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUVYAjVjriwvRP1I+jkBZ4ciPV/B8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNTIyMzE0NFoYDzIxMjYxMTAx
MjIzMTQ0WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASSSFfoSKaTsKc/nifEByU/7RV+a8ePhgqi3NIlo4EQGX0butnoeh/T
uwpcFigcRayOzu9Qq/5x6+SiHzqwW8UXo2QwYjAdBgNVHQ4EFgQUaKfzN8RUN1bu
cN6GqCrnQFYBiPkwHwYDVR0jBBgwFoAUaKfzN8RUN1bucN6GqCrnQFYBiPkwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQCuAT6qa8OEzml4r9pVocGJWS6tFcFBgDh2cnakaATDnQIhALjpI6+G9O7JWqnY
YHGisOcSVFTPMSDWyvvQQ7xNos9I
-----END CERTIFICATE-----`;

/** What it was signed with. */
export const privateKey: string = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8zqfD8fzlHpHqPlp
Keom7a4RKkoawDshqPQMmm71y7qhRANCAASSSFfoSKaTsKc/nifEByU/7RV+a8eP
hgqi3NIlo4EQGX0butnoeh/TuwpcFigcRayOzu9Qq/5x6+SiHzqwW8UX
-----END PRIVATE KEY-----`;
