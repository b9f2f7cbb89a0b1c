import { describe, expect, it, vi } from 'vitest'
import { ConsoleClient, Problem, useLoad } from '../src'

const json = (status: number, body: unknown, type = 'application/json') => new Response(JSON.stringify(body), { status, headers: { 'content-type': type } })
const session = { user: { id: 's', name: '唐毅', role: 'judge', courts: ['川0811'] }, csrf: 'token' }
const refusal = (status: number, kind: string, more = {}) => json(status, { kind, status, title: kind, ...more }, 'application/problem+json')

function answering(...answers: (Response | Error)[]) {
  const calls: { url: string; init: RequestInit }[] = []
  const send = vi.fn(async (url: RequestInfo | URL, init?: RequestInit) => {
    calls.push({ url: String(url), init: init ?? {} })
    const next = answers.shift()
    if (next === undefined) throw new Error('one request too many')
    if (next instanceof Error) throw next
    return next
  })
  return { client: new ConsoleClient('/console/v1', send as typeof fetch), calls }
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  return promise.then(
    () => Promise.reject(new Error('it went well')),
    (error: unknown) => Problem.from(error),
  )
}

describe('client', () => {
  it('sends the CSRF value it got at login with every change, and with no reading', async () => {
    const { client, calls } = answering(json(200, session), json(200, {}), json(200, { devices: [] }))
    await client.login('tangyi', 'secret', null)
    await client.revoke('d/1', 'lost', '')
    await client.devices()
    const sent = calls.map(({ init }) => new Headers(init.headers).get('x-zx-csrf'))
    expect(sent).toEqual([null, 'token', null])
    expect(calls[0]?.init.body).toBe('{"login":"tangyi","password":"secret"}')
    expect(calls[1]?.url).toBe('/console/v1/devices/d%2F1/revoke')
  })

  it('leaves empty conditions out and encodes the others', async () => {
    const { client, calls } = answering(json(200, { cases: [], next_cursor: null }))
    await client.cases('执123&x', '', null)
    expect(calls[0]?.url).toBe('/console/v1/cases?query=%E6%89%A7123%26x')
  })

  it('reads kind, field and waiting time of a refusal', async () => {
    const { client } = answering(refusal(429, 'locked_out', { retry_after_ms: 95_000, field: 'login', detail: 'd' }))
    const problem = await problemOf(client.login('a', 'b', '1'))
    expect(problem).toMatchObject({ kind: 'locked_out', status: 429, retryAfterMs: 95_000, field: 'login', detail: 'd' })
  })

  it.each([
    ['no answer', new TypeError('failed'), 'unreachable'],
    ['a captive portal with 200', new Response('<h1>hotel</h1>', { headers: { 'content-type': 'text/html' } }), 'unreachable'],
    ['a proxy error page', new Response('bad gateway', { status: 502, headers: { 'content-type': 'text/html' } }), 'unreachable'],
    ['a kind of a newer server', refusal(418, 'teapot'), 'internal'],
    ['a problem that is no JSON', new Response('{', { status: 500, headers: { 'content-type': 'application/problem+json' } }), 'internal'],
  ])('%s becomes a problem with words', async (_, answer, kind) => {
    const { client } = answering(answer)
    expect((await problemOf(client.system())).kind).toBe(kind)
  })

  it('waits for a new login when the session ended, and sends the same request once more', async () => {
    const { client, calls } = answering(refusal(401, 'unauthenticated'), json(200, { devices: [] }))
    client.onSessionLost = vi.fn(async () => undefined)
    await expect(client.devices()).resolves.toEqual({ devices: [] })
    expect(client.onSessionLost).toHaveBeenCalledTimes(1)
    expect(calls.map(({ url }) => url)).toEqual(['/console/v1/devices', '/console/v1/devices'])
  })

  it('does not ask for a new login at login itself', async () => {
    const { client } = answering(refusal(401, 'unauthenticated'))
    client.onSessionLost = vi.fn(async () => undefined)
    expect((await problemOf(client.me())).kind).toBe('unauthenticated')
    expect(client.onSessionLost).not.toHaveBeenCalled()
  })
})

describe('useLoad', () => {
  it('keeps what is there when asking again fails, and tells how old it is', async () => {
    const answers = [() => Promise.resolve('first'), () => Promise.reject(new Problem({ kind: 'unreachable', status: 0 }))]
    const load = useLoad(() => answers.shift()?.() ?? Promise.reject(new Error('too many')), () => 42)
    expect(load.state.value.phase).toBe('loading')
    await vi.waitFor(() => expect(load.state.value).toMatchObject({ phase: 'ready', value: 'first', atMs: 42, problem: null }))
    await load.reload()
    expect(load.state.value).toMatchObject({ phase: 'ready', value: 'first', atMs: 42, problem: { kind: 'unreachable' } })
  })

  it('of overlapping requests only the newest counts', async () => {
    const turns: ((value: string) => void)[] = []
    const load = useLoad(() => new Promise<string>((done) => turns.push(done)))
    const again = load.reload()
    turns[1]?.('newer')
    await again
    turns[0]?.('older')
    await Promise.resolve()
    expect(load.state.value).toMatchObject({ phase: 'ready', value: 'newer' })
  })
})
