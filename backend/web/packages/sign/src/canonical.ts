/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** Deepest nesting that a parser at the court reads. */
const MAX_DEPTH = 64
/** Half a surrogate pair: with the flag `u`, whole pairs do not match. */
const HALF = /\p{Surrogate}/u
const ASCII = /^[\x20-\x7e]*$/

/**
 * Canonical JSON: RFC 8785, restricted to integers below 2^53 and to names in ASCII. These exact characters, in UTF-8, are signed.
 *
 * Throws a `RangeError` for what has no canonical form: fractions, minus zero, larger integers, names outside ASCII, half
 * a surrogate pair, nesting beyond 64 levels.
 */
export function canonicalText(value: Json, depth = 0): string {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deep')
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, depth + 1)).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const members = Object.keys(value)
      .sort()
      .map((name) => {
        if (!ASCII.test(name)) throw new RangeError(`a name outside ASCII: ${name}`)
        return `${JSON.stringify(name)}:${canonicalText(value[name] ?? null, depth + 1)}`
      })
    return `{${members.join(',')}}`
  }
  if (typeof value === 'number' && (!Number.isSafeInteger(value) || Object.is(value, -0))) throw new RangeError(`no canonical number: ${value}`)
  if (typeof value === 'string' && HALF.test(value)) throw new RangeError('half a character')
  return JSON.stringify(value)
}

/** The bytes of `canonicalText`. */
export function canonicalBytes(value: Json): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalText(value))
}
