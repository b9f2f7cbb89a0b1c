// Signing in a browser: statements as DESIGN has them, made here and sent to the court like those of any device.
export { makeId } from './bytes'
export { canonicalText, type Json } from './canonical'
export { Keyring, type KeyStore, type Profile, type Sent } from './keyring'
export { idbStore } from './idb'
export { Signer, SigningError, type Outcome, type Ticket, type Unsigned } from './signer'
