import { Problem } from './problem'
import type {
  CaseAct,
  CaseFile,
  CaseFunds,
  CaseRow,
  CheckedStep,
  Checklist,
  Court,
  Device,
  EnrolTicket,
  EventPage,
  Evidence,
  EvidenceRow,
  Gate,
  Nodes,
  Paper,
  Prompts,
  RuleCases,
  Rules,
  RulesAsked,
  RuleVerdict,
  Session,
  SetAside,
  SigningState,
  SigningTicket,
  Staff,
  SystemState,
  Today,
  TodayAsked,
} from './types'

/** Longest a request may take: the slowest call reads one case of some thousand events. */
const TIMEOUT_MS = 30_000

type Query = Record<string, string | number | null | undefined>

/**
 * Speaks the console API. The session is a cookie that no script can read; the CSRF value comes with login and `me`.
 *
 * When a session ends in the middle of work, `onSessionLost` is awaited (the person logs in again over the page) and
 * the request is sent once more, so that nothing typed is lost.
 */
export class ConsoleClient {
  onSessionLost: (() => Promise<void>) | null = null
  private csrf = ''

  constructor(
    private readonly base = '/console/v1',
    private readonly send: typeof fetch = (...request) => fetch(...request),
  ) {}

  async login(login: string, password: string, totp: string | null): Promise<Session> {
    const body = totp === null ? { login, password } : { login, password, totp }
    const session = await this.once<Session>('POST', 'login', {}, body)
    this.csrf = session.csrf
    return session
  }

  async logout(): Promise<void> {
    await this.once('POST', 'logout', {}, {})
    this.csrf = ''
  }

  async me(): Promise<Session> {
    const session = await this.once<Session>('GET', 'me')
    this.csrf = session.csrf
    return session
  }

  courts(): Promise<{ courts: Court[] }> {
    return this.get('courts')
  }

  cases(query: string, court: string, cursor: string | null): Promise<{ cases: CaseRow[]; next_cursor: string | null }> {
    return this.get('cases', { query, court, cursor })
  }

  case(id: string): Promise<CaseFile> {
    return this.get(`cases/${encodeURIComponent(id)}`)
  }

  events(id: string, afterSeq: number): Promise<EventPage> {
    return this.get(`cases/${encodeURIComponent(id)}/events`, { after_seq: afterSeq })
  }

  /** What the law asks of a case, today. */
  prompts(id: string): Promise<Prompts> {
    return this.get(`cases/${encodeURIComponent(id)}/prompts`)
  }

  /** Why each rule prompts in a case or does not. */
  async verdicts(id: string): Promise<RuleVerdict[]> {
    const answer = await this.get<Prompts>(`cases/${encodeURIComponent(id)}/prompts`, { explain: 'true' })
    return answer.verdicts ?? []
  }

  /** What is due in all cases. Empty texts ask for nothing. */
  today(asked: TodayAsked): Promise<Today> {
    return this.get('today', { ...asked })
  }

  acts(id: string): Promise<{ acts: CaseAct[]; now_ms: number }> {
    return this.get(`cases/${encodeURIComponent(id)}/acts`)
  }

  /** The money of a case. */
  funds(id: string): Promise<CaseFunds> {
    return this.get(`cases/${encodeURIComponent(id)}/funds`)
  }

  papers(id: string): Promise<{ papers: Paper[] }> {
    return this.get(`cases/${encodeURIComponent(id)}/papers`)
  }

  checklist(id: string, step: CheckedStep): Promise<Checklist> {
    return this.get(`cases/${encodeURIComponent(id)}/checklists/${step}`)
  }

  /** The rules that hold at a court on a day, as far as they fit. Empty texts ask for nothing. */
  rules(asked: RulesAsked): Promise<Rules> {
    return this.get('rules', { ...asked })
  }

  /** The cases that a rule prompts. */
  ruleCases(rule: string, court: string, on: string): Promise<RuleCases> {
    return this.get(`rules/${encodeURIComponent(rule)}/cases`, { court, on })
  }

  evidenceOf(id: string, cursor: string | null): Promise<{ evidence: EvidenceRow[]; next_cursor?: string | null }> {
    return this.get(`cases/${encodeURIComponent(id)}/evidence`, { cursor })
  }

  evidence(statement: string): Promise<Evidence> {
    return this.get(`evidence/${encodeURIComponent(statement)}`)
  }

  devices(): Promise<{ devices: Device[] }> {
    return this.get('devices')
  }

  revoke(device: string, reason: string, text: string): Promise<unknown> {
    const body = text === '' ? { reason } : { reason, text }
    return this.request('POST', `devices/${encodeURIComponent(device)}/revoke`, {}, body)
  }

  staff(): Promise<{ staff: Staff[] }> {
    return this.get('staff')
  }

  /** The same `request` (a name that nobody can guess) again gives the same ticket. */
  enrolTicket(staff: string, label: string, request: string): Promise<EnrolTicket> {
    return this.request('POST', 'enrol-tickets', {}, { staff, label, request })
  }

  /** The deployment, the person's own court, and the browsers that sign for them. */
  signing(): Promise<SigningState> {
    return this.get('signing')
  }

  /** A ticket for a key of this browser. The same `request` again gives the same ticket. */
  signingTicket(password: string, totp: string | null, label: string, request: string): Promise<SigningTicket> {
    return this.request('POST', 'signing/tickets', {}, { password, totp, label, request })
  }

  /** What can be recorded in a case of a court today. */
  nodes(court: string): Promise<Nodes> {
    return this.get('nodes', { court })
  }

  system(): Promise<SystemState> {
    return this.get('system')
  }

  gate(): Promise<Gate> {
    return this.get('gate')
  }

  /** Puts a batch from quarantine back (`retry`), or lets the order begin anew at it (`release`). */
  gateAct(peer: string, batch: string, act: 'retry' | 'release'): Promise<unknown> {
    return this.request('POST', `gate/${encodeURIComponent(peer)}/quarantine/${encodeURIComponent(batch)}/${act}`, {}, {})
  }

  setAside(effect: string, before: number | null): Promise<{ statements: SetAside[]; next_before: number | null }> {
    return this.get('set-aside', { effect, before })
  }

  /** Addresses of bytes, for `img`, `audio`, `video` and links. The server records each access. */
  documentUrl(document: string): string {
    return `${this.base}/documents/${encodeURIComponent(document)}`
  }

  paperUrl(id: string, paper: string, revision: number): string {
    return `${this.base}/cases/${encodeURIComponent(id)}/papers/${encodeURIComponent(paper)}?revision=${revision}`
  }

  thumbnailUrl(statement: string): string {
    return `${this.base}/evidence/${encodeURIComponent(statement)}/thumbnail`
  }

  originalUrl(statement: string): string {
    return `${this.base}/evidence/${encodeURIComponent(statement)}/original`
  }

  private get<T>(path: string, query: Query = {}): Promise<T> {
    return this.request('GET', path, query)
  }

  private async request<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    try {
      return await this.once<T>(method, path, query, body)
    } catch (error) {
      const lost = error instanceof Problem && error.kind === 'unauthenticated'
      if (!lost || this.onSessionLost === null) throw error
      await this.onSessionLost()
      return await this.once<T>(method, path, query, body)
    }
  }

  private async once<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')
    const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
    const headers: Record<string, string> = { accept: 'application/json' }
    if (method !== 'GET') {
      headers['content-type'] = 'application/json'
      if (this.csrf !== '') headers['x-zx-csrf'] = this.csrf
    }
    let response: Response
    try {
      response = await this.send(`${this.base}/${path}${search === '' ? '' : `?${search}`}`, {
        method,
        headers,
        credentials: 'same-origin',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch {
      throw new Problem({ kind: 'unreachable', status: 0 })
    }
    if (!response.ok) throw await Problem.read(response)
    if (response.status === 204) return {} as T
    const type = response.headers.get('content-type') ?? ''
    if (!type.includes('json')) throw new Problem({ kind: 'unreachable', status: response.status })
    return (await response.json()) as T
  }
}
