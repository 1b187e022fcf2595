// The crypto of the Matrix project, which is an optional package. Loaded when the first encrypted room is met; it costs some 30 MB.
import type * as CryptoModule from '@matrix-org/matrix-sdk-crypto-wasm';

/** The version that this was written and tested for. */
export const CRYPTO_PACKAGE = '@matrix-org/matrix-sdk-crypto-wasm@18.9.0';

export type Crypto = typeof CryptoModule;
export type LoadCrypto = () => Promise<Crypto>;

/** Undefined when the package is not there. `load` is for tests. */
export async function loadCrypto(
  load: LoadCrypto = () => import('@matrix-org/matrix-sdk-crypto-wasm'),
): Promise<Crypto | undefined> {
  let crypto: Crypto;
  try {
    crypto = await load();
  } catch {
    return undefined;
  }
  await crypto.initAsync();
  return crypto;
}
