import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fromHex, makeId, sha256, toHex } from '../src/bytes'
import { canonicalBytes, canonicalText, type Json } from '../src/canonical'
import { fromDer, keyIdOf, makeKeyPair, publicKeyOf, signBytes, toDer, verifies } from '../src/ecdsa'
import { commitment, hide, type Opening } from '../src/hidden'

interface Vector {
  id: string
  expect?: Record<string, unknown>
  error?: string
  input?: string
  statement?: string
  signature_hex?: string
  key_hex?: string
  openings?: Record<string, Opening>
}

const FOLDER = join(import.meta.dirname, '../../../../../core/protocol/vectors')
const vectors = (name: string): Vector[] =>
  (JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as { vectors: Vector[] }).vectors

describe('canonical text', () => {
  const all = vectors('canonical-vectors').filter((vector) => vector.input !== undefined)
  it('gives back what the vectors accept, byte for byte', async () => {
    const accepted = all.filter((vector) => vector.expect !== undefined)
    expect(accepted.length).toBeGreaterThan(8)
    for (const vector of accepted) {
      const text = canonicalText(JSON.parse(vector.input ?? '') as Json)
      expect(text, vector.id).toBe(vector.input)
      expect(toHex(await sha256(canonicalBytes(JSON.parse(vector.input ?? '') as Json))), vector.id).toBe(vector.expect?.sha256)
    }
  })

  it('never gives what the vectors refuse', () => {
    const refused = all.filter((vector) => vector.error !== undefined)
    expect(refused.length).toBeGreaterThan(8)
    for (const vector of refused) {
      let text: string | null = null
      try {
        text = canonicalText(JSON.parse(vector.input ?? '') as Json)
      } catch {
        continue
      }
      expect(text, vector.id).not.toBe(vector.input)
    }
  })

  it('refuses what has no canonical form', () => {
    const deep = Array.from({ length: 70 }).reduce<Json>((inner) => [inner], 0)
    for (const value of [1.5, -0, 2 ** 53, Number.NaN, { 川: 1 }, '\ud800', deep] as Json[]) {
      expect(() => canonicalText(value)).toThrow(RangeError)
    }
  })
})

describe('statements of the vectors', () => {
  const accepted = vectors('statement-vectors').filter((vector) => vector.expect !== undefined && vector.statement !== undefined)

  it('have the hash, key, signature and openings that are computed here', async () => {
    expect(accepted.length).toBeGreaterThan(3)
    for (const vector of accepted) {
      const bytes = new TextEncoder().encode(vector.statement)
      const value = JSON.parse(vector.statement ?? '') as { key: string; hidden: Record<string, string> }
      expect(canonicalText(value as unknown as Json), vector.id).toBe(vector.statement)
      expect(toHex(await sha256(bytes)), vector.id).toBe(vector.expect?.hash)
      expect(await keyIdOf(vector.key_hex ?? ''), vector.id).toBe(value.key)
      expect(await verifies(vector.key_hex ?? '', bytes, vector.signature_hex ?? ''), vector.id).toBe(true)
      for (const [member, opening] of Object.entries(vector.openings ?? {})) {
        expect(await commitment(member, opening), `${vector.id} ${member}`).toBe(value.hidden[member])
      }
    }
  })

  it('do not verify once a byte differs', async () => {
    const [vector] = accepted
    const bytes = new TextEncoder().encode(vector?.statement)
    bytes[20] = (bytes[20] ?? 0) ^ 1
    expect(await verifies(vector?.key_hex ?? '', bytes, vector?.signature_hex ?? '')).toBe(false)
  })
})

describe('signatures', () => {
  it('are DER with low S and verify, whatever the numbers', async () => {
    const pair = await makeKeyPair()
    const key = await publicKeyOf(pair)
    expect(pair.privateKey.extractable).toBe(false)
    for (let round = 0; round < 64; round += 1) {
      const bytes = new TextEncoder().encode(`round ${round}`)
      const signature = await signBytes(pair.privateKey, bytes)
      expect(await verifies(key, bytes, signature)).toBe(true)
    }
  })

  it('with high S are turned, and high or padded ones are not read', () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const number = (value: bigint): string => value.toString(16).padStart(64, '0')
    const low = fromHex(number(5n) + number(7n))
    const high = fromHex(number(5n) + number(order - 7n))
    expect(toHex(toDer(high))).toBe(toHex(toDer(low)))
    expect(toHex(toDer(low))).toBe('3006020105020107')
    expect(fromDer(fromHex('3006020105020107'))).not.toBeNull()
    for (const wrong of ['300702020005020107', '3006020105020107ff', '30060201050201', '', `3026020105022100${number(order - 7n)}`]) {
      expect(fromDer(fromHex(wrong)), wrong).toBeNull()
    }
  })
})

describe('hidden members', () => {
  it('are committed to in NFC, each with its own salt', async () => {
    const { hidden, openings } = await hide({ text: 'e\u0301', name: 'é' })
    expect(openings.text?.value).toBe('é')
    expect(openings.text?.salt).not.toBe(openings.name?.salt)
    expect(hidden.text).toBe(await commitment('text', { salt: openings.text?.salt ?? '', value: 'é' }))
    expect(hidden.text).not.toBe(hidden.name)
  })
})

describe('ids', () => {
  it('are UUIDs of version 7 with the time in front', () => {
    const id = makeId(0x0199_1234_5678)
    expect(id).toMatch(/^01991234-5678-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(makeId(1)).not.toBe(makeId(1))
  })
})
