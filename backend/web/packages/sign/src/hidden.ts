import { canonicalBytes, type Json } from './canonical'
import { randomBytes, sha256, toHex } from './bytes'

/** What opens a hidden member: its value, and the salt that keeps it from being guessed. */
export interface Opening {
  salt: string
  value: Json
}

const DOMAIN = new TextEncoder().encode('zx-hidden/1\0')

/** SHA-256(`zx-hidden/1\0` ‖ canonical `[member, salt, value]`), hexadecimal. */
export async function commitment(member: string, opening: Opening): Promise<string> {
  return toHex(await sha256(DOMAIN, canonicalBytes([member, opening.salt, opening.value])))
}

/** Texts as they are signed: in NFC, so that what looks the same is the same. */
export function normal(value: Json): Json {
  if (typeof value === 'string') return value.normalize('NFC')
  if (Array.isArray(value)) return value.map(normal)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, normal(member)]))
  }
  return value
}

/** Commitments for the statement and the openings beside it, each with a fresh salt. */
export async function hide(members: Record<string, Json>): Promise<{ hidden: Record<string, string>; openings: Record<string, Opening> }> {
  const hidden: Record<string, string> = {}
  const openings: Record<string, Opening> = {}
  for (const [member, value] of Object.entries(members)) {
    const opening = { salt: toHex(randomBytes(32)), value: normal(value) }
    openings[member] = opening
    hidden[member] = await commitment(member, opening)
  }
  return { hidden, openings }
}
