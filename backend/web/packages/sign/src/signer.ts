import { canonicalBytes, canonicalText, type Json } from './canonical'
import { fromHex, makeId, randomBytes, sha256, toHex } from './bytes'
import { keyIdOf, makeKeyPair, publicKeyOf, signBytes } from './ecdsa'
import { hide } from './hidden'
import type { KeyStore, Profile, Sent } from './keyring'

/** A ticket for oneself, as the console gives it. */
export interface Ticket {
  court: string
  realm: string
  secret: string
}

/** A statement before it is signed. */
export interface Unsigned {
  type: string
  /** Id of the case. */
  case: string
  /** Court word of the case. */
  court: string
  body: Record<string, Json>
  /** Members with words about people: committed to, and opened beside the statement. */
  hidden: Record<string, Json>
}

/** What became of a statement: what it did, as the court says, or that it waits in this browser. */
export type Outcome =
  | { state: 'applied' | 'duplicate' | 'waiting' }
  | { state: 'conflict' | 'rejected' | 'held'; reason: string }

/** `no_key`: make one first. `clash`: this browser's profile was copied. `refused`: the court did not take it. `insecure`: no https. */
export class SigningError extends Error {
  constructor(
    readonly code: 'no_key' | 'clash' | 'refused' | 'insecure' | 'ticket',
    readonly detail = '',
  ) {
    super(code)
  }
}

interface Answered {
  hash: string
  admission: string
  effect: 'applied' | 'duplicate' | 'conflict' | 'rejected' | 'held'
  /** Why, where it was rejected or held. */
  reason?: string
  /** What changed, where it met a conflict. */
  current?: string
}

const ZERO = '0'.repeat(64)
const MAX_BYTES = 64 * 1024
/** One page load is one "boot": its clock runs on without jumps. */
const BOOT = toHex(randomBytes(8))
const sha256Hex = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => toHex(await sha256(bytes))

const reasonOf = ({ reason, current }: Answered): string => reason ?? current ?? ''

function outcomeOf(answered: Answered): Outcome {
  const state = answered.effect
  return state === 'applied' || state === 'duplicate' ? { state } : { state, reason: reasonOf(answered) }
}


/** Makes statements for one person and hands them in. What is signed is kept before it is sent, so nothing is lost. */
export class Signer {
  private token: { device: string; value: string; untilMs: number } | null = null

  constructor(
    private readonly store: KeyStore,
    private readonly staff: string,
    private readonly send: typeof fetch = (...request) => fetch(...request),
    private readonly now: () => number = () => Date.now(),
  ) {}

  /** Whether a key of this person is here, and admitted by the court. */
  async ready(): Promise<Profile | null> {
    const profile = await this.store.profile(this.staff)
    return profile !== null && profile.ticket === null ? profile : null
  }

  /** Makes a key and enrols it. The same ticket again goes on with the same key. */
  enrol(ticket: Ticket, label: string): Promise<Profile> {
    return this.alone(async () => {
      let profile = await this.store.profile(this.staff)
      if (profile === null || profile.ticket !== ticket.secret) profile = await this.begin(ticket, label)
      const [first] = await this.store.statements(profile.device, 1)
      if (first === undefined) throw new SigningError('refused', 'statement 1 is missing')
      const body = `{"secret":${JSON.stringify(ticket.secret)},"enroll":${wire(first)}}`
      const answer = await this.post('enroll', body, null)
      if (!answer.ok) throw new SigningError('ticket', await detailOf(answer))
      const { result } = (await answer.json()) as { result: Answered }
      if (result.hash !== first.hash) throw new SigningError('refused', 'the answer is about another statement')
      profile = { ...profile, ticket: null }
      await this.store.put(profile, [{ ...first, result }])
      return profile
    })
  }

  private async begin(ticket: Ticket, label: string): Promise<Profile> {
    if (!globalThis.isSecureContext) throw new SigningError('insecure')
    const pair = await makeKeyPair()
    const publicKey = await publicKeyOf(pair)
    const profile: Profile = {
      staff: this.staff,
      realm: ticket.realm,
      court: ticket.court,
      device: makeId(this.now()),
      key: await keyIdOf(publicKey),
      pair,
      ticket: ticket.secret,
      tip: { seq: 0, hash: ZERO },
    }
    const body = {
      platform: 'browser zhixing-console/0.1.0',
      previous: null,
      public_key: publicKey,
      storage: 'browser',
      ticket: await sha256Hex(fromHex(ticket.secret)),
    }
    const first = await this.make(profile, { type: 'key.enroll/1', case: null, court: ticket.court, body, hidden: { label } })
    await this.store.put({ ...profile, tip: { seq: first.seq, hash: first.hash } }, [first])
    return { ...profile, tip: { seq: first.seq, hash: first.hash } }
  }

  /** Signs and hands in. `waiting`: signed and kept; goes with the next one, or with `resend`. */
  sign(unsigned: Unsigned): Promise<Outcome> {
    return this.alone(async () => {
      const profile = await this.ready()
      if (profile === null) throw new SigningError('no_key')
      const made = await this.make(profile, unsigned)
      const next = { ...profile, tip: { seq: made.seq, hash: made.hash } }
      await this.store.put(next, [made])
      const results = await this.handIn(next)
      const result = results.get(made.seq)
      return result === undefined ? { state: 'waiting' } : outcomeOf(result)
    })
  }

  /** Hands in what waits. How many still do. */
  resend(): Promise<number> {
    return this.alone(async () => {
      const profile = await this.ready()
      if (profile === null) return 0
      const waiting = await this.waiting(profile)
      return waiting.length === 0 ? 0 : waiting.length - (await this.handIn(profile)).size
    })
  }

  private async waiting(profile: Profile): Promise<Sent[]> {
    return (await this.store.statements(profile.device, 1)).filter((one) => one.result === null)
  }

  /** One tab at a time: a number of the chain is given once. */
  private alone<T>(act: () => Promise<T>): Promise<T> {
    const locks = (globalThis.navigator as { locks?: LockManager | null } | undefined)?.locks ?? null
    return locks === null ? act() : (locks.request(`zx-sign-${this.staff}`, act) as Promise<T>)
  }

  private async make(profile: Profile, unsigned: Omit<Unsigned, 'case'> & { case: string | null }): Promise<Sent> {
    const { hidden, openings } = await hide(unsigned.hidden)
    const seq = profile.tip.seq + 1
    const value: Json = {
      body: unsigned.body,
      case: unsigned.case,
      chain: { prev: profile.tip.hash, seq },
      clock: { anchor: null, boot: BOOT, elapsed_ms: Math.floor(performance.now()), gnss_ms: null, wall_ms: this.now() },
      court: unsigned.court,
      device: profile.device,
      hidden,
      key: profile.key,
      nonce: toHex(randomBytes(16)),
      realm: profile.realm,
      seen: null,
      type: unsigned.type,
    }
    const bytes = canonicalBytes(value)
    if (bytes.length > MAX_BYTES) throw new SigningError('refused', 'too_large')
    return {
      seq,
      hash: await sha256Hex(bytes),
      statement: canonicalText(value),
      signature: await signBytes(profile.pair.privateKey, bytes),
      openings,
      result: null,
    }
  }

  /** Sends what waits; results by number. Empty where the court cannot be reached. */
  private async handIn(profile: Profile, from: number | null = null): Promise<Map<number, Answered>> {
    const results = new Map<number, Answered>()
    const statements = from === null ? await this.waiting(profile) : await this.store.statements(profile.device, from)
    const token = statements.length === 0 ? null : await this.session(profile)
    if (token === null) return results
    const answer = await this.post('statements', `{"statements":[${statements.map(wire).join(',')}]}`, token).catch(() => null)
    if (answer === null || answer.status >= 500 || answer.status === 429) return results
    if (answer.status === 401) {
      this.token = null
      return results
    }
    if (answer.status === 409 && from === null) {
      // The court was set back, or knows fewer than was thought: it says from where.
      const problem = (await answer.json()) as { expected_seq?: number }
      return typeof problem.expected_seq === 'number' ? this.handIn(profile, problem.expected_seq) : results
    }
    if (!answer.ok) throw new SigningError('refused', await detailOf(answer))
    const told = ((await answer.json()) as { results: Answered[] }).results
    const settled: Sent[] = []
    for (const result of told) {
      const statement = statements.find((one) => one.hash === result.hash)
      if (statement === undefined) continue
      if (result.admission === 'refused' || result.admission === 'quarantined') {
        throw new SigningError(reasonOf(result) === 'chain_clash' ? 'clash' : 'refused', reasonOf(result))
      }
      results.set(statement.seq, result)
      settled.push({ ...statement, result })
    }
    await this.store.put(profile, settled)
    return results
  }

  /** A session of the key; null where the court cannot be reached. */
  private async session(profile: Profile): Promise<string | null> {
    if (this.token?.device === profile.device && this.token.untilMs > this.now()) return this.token.value
    const asked = await this.post('challenge', JSON.stringify({ device: profile.device }), null).catch(() => null)
    if (asked === null || !asked.ok) return null
    const { challenge } = (await asked.json()) as { challenge: string }
    const bytes = new TextEncoder().encode(`zx-session/1\n${profile.realm}\n${profile.device}\n${challenge}`)
    const signature = await signBytes(profile.pair.privateKey, bytes)
    const body = JSON.stringify({ challenge, device: profile.device, key: profile.key, signature })
    const answer = await this.post('session', body, null).catch(() => null)
    if (answer === null || answer.status >= 500) return null
    if (!answer.ok) throw new SigningError('no_key', await detailOf(answer))
    const session = (await answer.json()) as { token: string; expires_in_ms: number }
    this.token = { device: profile.device, value: session.token, untilMs: this.now() + session.expires_in_ms / 2 }
    return session.token
  }

  private post(path: string, body: string, token: string | null): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json', 'content-type': 'application/json' }
    if (token !== null) headers.authorization = `Bearer ${token}`
    return this.send(`/device/v1/${path}`, { method: 'POST', headers, body, credentials: 'omit', signal: AbortSignal.timeout(30_000) })
  }
}

/** On the wire: exact text, signature and openings beside it. */
function wire(sent: Sent): string {
  return `{"openings":${JSON.stringify(sent.openings)},"signature":"${sent.signature}","statement":${sent.statement}}`
}

async function detailOf(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => ({}))) as { title?: string }
  return body.title ?? String(answer.status)
}
