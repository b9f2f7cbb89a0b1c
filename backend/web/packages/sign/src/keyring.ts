import type { Opening } from './hidden'

/** A statement as it was signed. The text is what was signed and is sent as it is. */
export interface Sent {
  seq: number
  hash: string
  /** Canonical text. */
  statement: string
  signature: string
  openings: Record<string, Opening>
  /** What the court answered; null while it has not. */
  result: unknown
}

/** The key of one person in this browser. */
export interface Profile {
  /** Id of the person. */
  staff: string
  realm: string
  /** Court word of the person's own court. */
  court: string
  device: string
  key: string
  pair: CryptoKeyPair
  /** Secret of the ticket while the court has not admitted the key. */
  ticket: string | null
  /** Number and hash of the newest statement. */
  tip: { seq: number; hash: string }
}

/** Where keys and statements are kept. A write is durable when its promise is fulfilled, and is done whole or not at all. */
export interface KeyStore {
  profile(staff: string): Promise<Profile | null>
  /** Stores the profile and, with it, statements of its device. Those of a former key stay. */
  put(profile: Profile, statements: Sent[]): Promise<void>
  /** Statements of a device from number `seq` on, in order. */
  statements(device: string, seq: number): Promise<Sent[]>
}

/** A store that lasts as long as the page, for tests. */
export class Keyring implements KeyStore {
  private readonly profiles = new Map<string, Profile>()
  private readonly sent = new Map<string, Sent[]>()

  profile(staff: string): Promise<Profile | null> {
    return Promise.resolve(this.profiles.get(staff) ?? null)
  }

  put(profile: Profile, statements: Sent[]): Promise<void> {
    const others = (this.sent.get(profile.device) ?? []).filter((one) => statements.every((other) => other.seq !== one.seq))
    this.sent.set(profile.device, [...others, ...statements].sort((one, other) => one.seq - other.seq))
    this.profiles.set(profile.staff, profile)
    return Promise.resolve()
  }

  statements(device: string, seq: number): Promise<Sent[]> {
    return Promise.resolve((this.sent.get(device) ?? []).filter((one) => one.seq >= seq))
  }
}
