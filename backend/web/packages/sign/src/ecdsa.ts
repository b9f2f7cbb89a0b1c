import { fromHex, sha256, toHex } from './bytes'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const
/** Order of the P-256 group (FIPS 186-4 D.1.2.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** A key pair whose private half never leaves the browser's key store. */
export async function makeKeyPair(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])) as CryptoKeyPair
}

/** SubjectPublicKeyInfo, DER, hexadecimal. */
export async function publicKeyOf(pair: CryptoKeyPair): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)))
}

/** The name of a key in statements: the first 16 bytes of the SHA-256 of its SubjectPublicKeyInfo. */
export async function keyIdOf(publicKey: string): Promise<string> {
  return toHex((await sha256(fromHex(publicKey))).slice(0, 16))
}

/** DER of an unsigned integer of 32 bytes. */
function derInteger(value: bigint): number[] {
  const bytes = Array.from(fromHex(value.toString(16).padStart(64, '0')))
  while (bytes.length > 1 && bytes[0] === 0 && (bytes[1] ?? 0) < 0x80) bytes.shift()
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0)
  return [0x02, bytes.length, ...bytes]
}

/** From r ‖ s, as WebCrypto gives it, to DER with low S: each signature has one spelling. */
export function toDer(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const r = BigInt(`0x${toHex(raw.slice(0, 32))}`)
  const s = BigInt(`0x${toHex(raw.slice(32))}`)
  const low = s > ORDER / 2n ? ORDER - s : s
  const content = [...derInteger(r), ...derInteger(low)]
  return Uint8Array.from([0x30, content.length, ...content])
}

/** r ‖ s of a signature in DER with low S; null if it has another form. */
export function fromDer(der: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const integer = (at: number): bigint | null => {
    const length = der[at + 1]
    if (der[at] !== 0x02 || length === undefined || length < 1) return null
    return BigInt(`0x${toHex(der.slice(at + 2, at + 2 + length)) || '0'}`)
  }
  const r = integer(2)
  const s = r === null ? null : integer(4 + (der[3] ?? 0))
  if (r === null || s === null || r >= ORDER || s >= ORDER) return null
  const raw = fromHex([r, s].map((number) => number.toString(16).padStart(64, '0')).join(''))
  return toHex(toDer(raw)) === toHex(der) ? raw : null
}

/** Signature over `bytes`: DER, low S, hexadecimal. */
export async function signBytes(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(toDer(new Uint8Array(await crypto.subtle.sign(SIGNING, key, bytes))))
}

/** Whether a signature of the form that `signBytes` gives fits the key and the bytes. */
export async function verifies(publicKey: string, bytes: Uint8Array<ArrayBuffer>, signature: string): Promise<boolean> {
  const raw = fromDer(fromHex(signature))
  if (raw === null) return false
  const key = await crypto.subtle.importKey('spki', fromHex(publicKey), ALGORITHM, true, ['verify'])
  return crypto.subtle.verify(SIGNING, key, raw, bytes)
}
