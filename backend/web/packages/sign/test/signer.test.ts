import { beforeEach, describe, expect, it } from 'vitest'
import { sha256, toHex } from '../src/bytes'
import { verifies } from '../src/ecdsa'
import { commitment, type Opening } from '../src/hidden'
import { Keyring } from '../src/keyring'
import { Signer, SigningError, type Unsigned } from '../src/signer'

interface Wire {
  openings: Record<string, Opening>
  signature: string
  statement: {
    body: Record<string, unknown>
    chain: { prev: string; seq: number }
    device: string
    hidden: Record<string, string>
    type: string
  }
}

const TICKET = { court: '川0811', realm: '01a0c450-6c00-7101-8101-010101010101', secret: '00'.repeat(16) }
const NOTE: Unsigned = {
  type: 'case.note/1',
  case: '01a0c450-6c02-7202-8202-020202020202',
  court: '川0811',
  body: { corrects: null, note: '01a0c450-6c05-7505-8505-050505050505', occurred_on: '2026-11-23' },
  hidden: { text: '门口无人应答' },
}

/** A court that checks chain, signature and openings as the real one does, and loses what a test wants lost. */
class Court {
  readonly log: string[] = []
  hashes: string[] = []
  publicKey = ''
  effect: Record<string, unknown> = { effect: 'applied' }
  admission = 'admitted'
  down = false
  /** The next request is carried out, but its answer is lost. */
  lose = 0
  clash = false
  challenges = 0

  readonly fetch: typeof fetch = async (input, init) => {
    const path = String(input).replace('/device/v1/', '')
    if (this.down) throw new TypeError('no network')
    const text = String(init?.body)
    const answer = await this.answer(path, text)
    if (this.lose > 0 && ['statements', 'enroll'].includes(path)) {
      this.lose -= 1
      throw new TypeError('the connection broke')
    }
    return answer
  }

  private async answer(path: string, text: string): Promise<Response> {
    const json = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
    const request = JSON.parse(text) as { enroll: Wire; statements: Wire[]; secret: string }
    if (path === 'challenge') {
      this.challenges += 1
      return json({ challenge: 'abc' })
    }
    if (path === 'session') return json({ token: 't', expires_in_ms: 3_600_000 })
    if (path === 'enroll') {
      this.publicKey = String(request.enroll.statement.body.public_key)
      return json({ result: await this.take(request.enroll, text) })
    }
    const results = []
    for (const wire of request.statements) {
      const { seq } = wire.statement.chain
      if (seq > this.hashes.length + 1) return json({ kind: 'chain_gap', expected_seq: this.hashes.length + 1 }, 409)
      results.push(await this.take(wire, text))
    }
    return json({ results })
  }

  private async take(wire: Wire, text: string): Promise<unknown> {
    // The exact characters stand in the request.
    const statement = JSON.stringify(wire.statement)
    expect(text).toContain(statement)
    const bytes = new TextEncoder().encode(statement)
    expect(await verifies(this.publicKey, bytes, wire.signature)).toBe(true)
    for (const [member, opening] of Object.entries(wire.openings)) {
      expect(await commitment(member, opening)).toBe(wire.statement.hidden[member])
    }
    const { prev, seq } = wire.statement.chain
    const hash = toHex(await sha256(bytes))
    if (this.clash) return { hash, seq: 0, admission: 'refused', effect: 'rejected', reason: 'chain_clash' }
    if (this.hashes[seq - 1] === hash) return { hash, seq, admission: 'duplicate', ...this.effect }
    expect(prev).toBe(this.hashes[seq - 2] ?? '0'.repeat(64))
    this.hashes.push(hash)
    this.log.push(wire.statement.type)
    return { hash, seq, admission: this.admission, ...this.effect }
  }
}

describe('a signer', () => {
  let court: Court
  let ring: Keyring
  let signer: Signer
  beforeEach(() => {
    Object.defineProperty(globalThis, 'isSecureContext', { value: true, configurable: true })
    court = new Court()
    ring = new Keyring()
    signer = new Signer(ring, 'me', court.fetch)
  })

  it('enrols once, and the same ticket goes on with the same key', async () => {
    await expect(signer.sign(NOTE)).rejects.toMatchObject({ code: 'no_key' })
    court.down = true
    await expect(signer.enrol(TICKET, '电脑')).rejects.toThrow()
    expect(await signer.ready()).toBeNull()
    court.down = false
    court.lose = 1
    await expect(signer.enrol(TICKET, '电脑')).rejects.toThrow()
    const { publicKey } = court
    const profile = await signer.enrol(TICKET, '电脑')
    expect(court.publicKey).toBe(publicKey)
    expect(court.log).toEqual(['key.enroll/1'])
    expect([profile.tip.seq, profile.ticket]).toEqual([1, null])
    expect((await signer.ready())?.device).toBe(profile.device)
  })

  it('makes no key on a page that others could have changed', async () => {
    Object.defineProperty(globalThis, 'isSecureContext', { value: false, configurable: true })
    await expect(signer.enrol(TICKET, '电脑')).rejects.toMatchObject({ code: 'insecure' })
  })

  it('chains what it signs and tells what the court made of it', async () => {
    await signer.enrol(TICKET, '电脑')
    expect(await signer.sign(NOTE)).toEqual({ state: 'applied' })
    court.effect = { effect: 'rejected', reason: 'not_granted' }
    expect(await signer.sign(NOTE)).toEqual({ state: 'rejected', reason: 'not_granted' })
    court.effect = { effect: 'conflict', current: 'released' }
    expect(await signer.sign(NOTE)).toEqual({ state: 'conflict', reason: 'released' })
    expect(court.hashes.length).toBe(4)
  })

  it('keeps what could not be sent, and sends it first next time', async () => {
    await signer.enrol(TICKET, '电脑')
    court.down = true
    expect(await signer.sign(NOTE)).toEqual({ state: 'waiting' })
    expect(await signer.resend()).toBe(1)
    court.down = false
    // Another page of the same browser finds it.
    const other = new Signer(ring, 'me', court.fetch)
    expect(await other.sign({ ...NOTE, type: 'pause.end/1' })).toEqual({ state: 'applied' })
    expect(court.log).toEqual(['key.enroll/1', 'case.note/1', 'pause.end/1'])
    expect(await other.resend()).toBe(0)
  })

  it('a lost answer makes no second act', async () => {
    await signer.enrol(TICKET, '电脑')
    court.lose = 1
    expect(await signer.sign(NOTE)).toEqual({ state: 'waiting' })
    expect(await signer.resend()).toBe(0)
    expect(court.log).toEqual(['key.enroll/1', 'case.note/1'])
  })

  it('gives a court that was set back what it lost', async () => {
    await signer.enrol(TICKET, '电脑')
    await signer.sign(NOTE)
    await signer.sign(NOTE)
    court.hashes = court.hashes.slice(0, 2)
    court.log.length = 2
    expect(await signer.sign({ ...NOTE, type: 'pause.end/1' })).toEqual({ state: 'applied' })
    expect(court.log).toEqual(['key.enroll/1', 'case.note/1', 'case.note/1', 'pause.end/1'])
  })

  it('does not use the session of a former key', async () => {
    await signer.enrol(TICKET, '电脑')
    await signer.sign(NOTE)
    court.hashes = []
    court.challenges = 0
    await signer.enrol({ ...TICKET, secret: '11'.repeat(16) }, '电脑')
    await signer.sign(NOTE)
    expect(court.challenges).toBe(1)
  })

  it('says when the profile was copied', async () => {
    await signer.enrol(TICKET, '电脑')
    court.clash = true
    const error = await signer.sign(NOTE).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SigningError)
    expect((error as SigningError).code).toBe('clash')
  })

  it('signs nothing beyond what a statement may hold', async () => {
    await signer.enrol(TICKET, '电脑')
    const body = { ...NOTE.body, long: 'x'.repeat(65_536) }
    await expect(signer.sign({ ...NOTE, body })).rejects.toMatchObject({ code: 'refused', detail: 'too_large' })
    expect(await signer.sign(NOTE)).toEqual({ state: 'applied' })
  })
})
