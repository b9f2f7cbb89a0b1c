import { ConsoleClient, Problem, type Session } from '@zhixing/ui'
import { shallowRef } from 'vue'

/** A console that nobody has touched for this long asks for the password again: 15 minutes. */
export const IDLE_LIMIT_MS = 15 * 60_000

export type SessionState =
  | { phase: 'unknown' }
  | { phase: 'out' }
  | { phase: 'unreachable'; problem: Problem }
  | { phase: 'in'; session: Session }
  /** The session ended while somebody worked: they log in again over the page, which keeps its content. */
  | { phase: 'renewing'; session: Session; why: 'ended' | 'idle' }

/** Who is logged in. There is one for the page. */
export class SessionKeeper {
  readonly state = shallowRef<SessionState>({ phase: 'unknown' })
  /** Login name that was entered last, offered again when the session is renewed. */
  lastLogin = ''
  private waiting: (() => void)[] = []

  constructor(readonly client: ConsoleClient) {
    client.onSessionLost = () => this.renew('ended')
  }

  /** True if somebody is logged in; asks the server the first time. */
  async begin(): Promise<boolean> {
    const { phase } = this.state.value
    if (phase === 'unknown' || phase === 'unreachable') {
      try {
        this.state.value = { phase: 'in', session: await this.client.me() }
      } catch (error) {
        const problem = Problem.from(error)
        this.state.value = problem.kind === 'unauthenticated' ? { phase: 'out' } : { phase: 'unreachable', problem }
      }
    }
    return this.state.value.phase === 'in' || this.state.value.phase === 'renewing'
  }

  /** Logs in. True if it is the same person as before, or nobody was here: the page may then go on. */
  async login(login: string, password: string, totp: string | null): Promise<boolean> {
    const before = this.state.value
    const session = await this.client.login(login, password, totp)
    this.lastLogin = login
    const same = before.phase !== 'renewing' || before.session.user.id === session.user.id
    if (same) {
      this.state.value = { phase: 'in', session }
      this.waiting.splice(0).forEach((go) => go())
    }
    return same
  }

  async logout(): Promise<void> {
    await this.client.logout()
    this.state.value = { phase: 'out' }
  }

  /** Ends the session at the server and covers the page until the person is back. */
  async lock(): Promise<void> {
    if (this.state.value.phase !== 'in') return
    void this.renew('idle')
    // If the server cannot be reached the page is covered all the same; the server ends idle sessions by itself.
    await this.client.logout().catch(() => undefined)
  }

  private renew(why: 'ended' | 'idle'): Promise<void> {
    const state = this.state.value
    if (state.phase === 'in') this.state.value = { phase: 'renewing', session: state.session, why }
    else if (state.phase !== 'renewing') return Promise.reject(new Problem({ kind: 'unauthenticated', status: 401 }))
    return new Promise((go) => this.waiting.push(go))
  }
}

/** Calls `act` once nobody has pressed a key or moved a pointer for `limitMs`. Returns how to stop watching. */
export function watchIdle(limitMs: number, act: () => void, target: Pick<Window, 'addEventListener' | 'removeEventListener'> = window): () => void {
  let timer = setTimeout(act, limitMs)
  const touched = (): void => {
    clearTimeout(timer)
    timer = setTimeout(act, limitMs)
  }
  const kinds = ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const
  kinds.forEach((kind) => target.addEventListener(kind, touched, { passive: true }))
  return () => {
    clearTimeout(timer)
    kinds.forEach((kind) => target.removeEventListener(kind, touched))
  }
}

export const client = new ConsoleClient()
export const session = new SessionKeeper(client)
