/** Kinds the pages have words for; anything else is shown as `internal`. */
export const PROBLEM_KINDS = [
  'unauthenticated',
  'forbidden',
  'login_refused',
  'password_refused',
  'totp_required',
  'locked_out',
  'not_found',
  'invalid_input',
  'conflict',
  'internal',
  'unreachable',
] as const

export type ProblemKind = (typeof PROBLEM_KINDS)[number]

/**
 * A request that failed, as the server (RFC 9457) or the network told it.
 *
 * `unreachable` is made here: no answer came, or one that was not the server's own, such as a captive portal's page.
 */
export class Problem extends Error {
  readonly kind: ProblemKind
  readonly status: number
  readonly detail: string
  readonly field: string | null
  readonly retryAfterMs: number | null

  constructor(parts: { kind: string; status: number; detail?: string; field?: string | null; retryAfterMs?: number | null }) {
    super(parts.kind)
    this.kind = (PROBLEM_KINDS as readonly string[]).includes(parts.kind) ? (parts.kind as ProblemKind) : 'internal'
    this.status = parts.status
    this.detail = parts.detail ?? ''
    this.field = parts.field ?? null
    this.retryAfterMs = parts.retryAfterMs ?? null
  }

  /** Reads the answer to a request that did not succeed. */
  static async read(response: Response): Promise<Problem> {
    const type = response.headers.get('content-type') ?? ''
    if (!type.includes('json')) {
      return new Problem({ kind: 'unreachable', status: response.status })
    }
    const body: unknown = await response.json().catch(() => ({}))
    const member = (name: string): unknown =>
      typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
    const text = (name: string): string | undefined => {
      const value = member(name)
      return typeof value === 'string' ? value : undefined
    }
    const wait = member('retry_after_ms')
    return new Problem({
      kind: text('kind') ?? 'internal',
      status: response.status,
      detail: text('detail') ?? text('title'),
      field: text('field'),
      retryAfterMs: typeof wait === 'number' ? wait : null,
    })
  }

  /** Whatever was thrown, as a problem. A fault of the page itself is `internal` with its own text as detail. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error
    return new Problem({ kind: 'internal', status: 0, detail: error instanceof Error ? error.message : String(error) })
  }
}
