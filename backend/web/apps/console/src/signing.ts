import { idbStore, Signer, SigningError, type KeyStore, type Outcome, type Unsigned } from '@zhixing/sign'
import { shallowRef } from 'vue'
import { session } from './session'

/** Why the person is asked to make a key: the first one here, or one that can no longer be used. */
export type Why = 'first' | 'revoked' | 'clash' | 'unknown'

interface Asked {
  why: Why
  answer: (made: boolean) => void
}

/** Signs what people at the console do, with the key that they have in this browser. There is one for the page. */
export class SigningKeeper {
  /** While a key is missing: the dialog that makes one is open. */
  readonly asked = shallowRef<Asked | null>(null)
  /** Signed acts that could not be sent yet. */
  readonly waiting = shallowRef(0)
  private readonly signers = new Map<string, Signer>()

  constructor(
    private readonly store: KeyStore,
    private readonly staff: () => string | null,
    private readonly send?: typeof fetch,
  ) {}

  /** The signer of whoever is logged in. */
  signer(): Signer {
    const staff = this.staff()
    if (staff === null) throw new SigningError('no_key')
    const known = this.signers.get(staff) ?? new Signer(this.store, staff, this.send)
    this.signers.set(staff, known)
    return known
  }

  /** Signs and hands in; asks for a key first where there is none. Null if the person does not want one. */
  async sign(unsigned: Unsigned): Promise<Outcome | null> {
    const signer = this.signer()
    if ((await signer.ready()) === null && !(await this.ask('first'))) return null
    for (let attempt = 0; ; attempt += 1) {
      const why = await this.trySign(signer, unsigned, attempt > 0)
      if (typeof why !== 'string') return why
      if (!(await this.ask(why))) return null
    }
  }

  private async trySign(signer: Signer, unsigned: Unsigned, last: boolean): Promise<Outcome | Why> {
    try {
      const outcome = await signer.sign(unsigned)
      if (outcome.state === 'waiting') this.waiting.value += 1
      else if (this.waiting.value > 0) await this.resend()
      const revoked = outcome.state === 'held' && outcome.reason === 'revoked_key'
      return revoked && !last ? 'revoked' : outcome
    } catch (error) {
      if (last || !(error instanceof SigningError)) throw error
      if (error.code === 'clash') return 'clash'
      if (error.code === 'no_key') return 'unknown'
      throw error
    }
  }

  /** Sends what waits; quiet if that does not work. */
  async resend(): Promise<void> {
    if (this.staff() === null) return
    this.waiting.value = await this.signer()
      .resend()
      .catch(() => this.waiting.value)
  }

  private ask(why: Why): Promise<boolean> {
    return new Promise((answer) => {
      this.asked.value = {
        why,
        answer: (made) => {
          this.asked.value = null
          answer(made)
        },
      }
    })
  }
}

export const signing = new SigningKeeper(idbStore(), () => {
  const state = session.state.value
  return state.phase === 'in' || state.phase === 'renewing' ? state.session.user.id : null
})
