// The console API with invented data, for the tests of the pages and nothing else. It also serves the built pages, under
// the same content security policy that the real server should send. `node test/mock-server.mjs [port]` starts it alone.
import { createServer } from 'node:http'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomBytes } from 'node:crypto'
import { makeCourt } from './mock-court.mjs'
import { makeMoney } from './mock-money.mjs'
import { actsOf, arrivals, checklistOf, papersOf, setAside, standingOf, todayOf, verdicts } from './mock-law.mjs'
import { blobs, cases, courts, devices, nodes, prompts, rules, staff, system, ticketPicture } from './mock-data.mjs'

const DIST = fileURLToPath(new URL('../dist/', import.meta.url))
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const PAGE = 20
const ALLOWED_FAILURES = 4
const LOCK_MS = 95_000

class Refusal extends Error {
  constructor(status, kind, more = {}) {
    super(kind)
    Object.assign(this, { status, kind, more })
  }
}

/** Starts a server with a state of its own. `fail` makes requests to come fail; `expire` ends all sessions. */
export async function startMock(port = 0) {
  const sessions = new Map()
  const failures = new Map()
  const faults = []
  const seen = []
  const revoked = new Set()
  const putBack = new Set()
  const notes = []
  const recorded = new Set()
  const ended = new Set()
  const money = makeMoney(cases[3].parties)
  // People on the first case may write in it; in others the court says no.
  const court = makeCourt({
    realm: '01a0c450-6c00-7101-8101-010101010101',
    word: '川08',
    apply({ type, body, case: id }, openings, who) {
      if (id === cases[5].id) return { effect: 'rejected', reason: 'not_granted' }
      if (type === 'case.note/1') notes.unshift({ case: id, at_ms: Date.now(), author: who.name, text: openings.text.value })
      if (type === 'node.record/1') recorded.add(body.fact.node)
      if (type.startsWith('funds.')) return money.take(type, body.fact, openings, who)
      if (type === 'pause.end/1') ended.add(body.fact.pause)
      return { effect: 'applied' }
    },
  })

  const nameOf = (file) => ({ applicants: file.parties.filter((party) => party.role === 'applicant'), respondents: file.parties.filter((party) => party.role === 'respondent') })
  const rowOf = (file) => ({
    case: file.id, number: file.number, court: file.court, cause: file.cause, filed_on: file.filed_on, handler: file.handler?.name ?? null, amount_fen: file.amount_fen,
    applicants: nameOf(file).applicants.map((party) => party.name), respondents: nameOf(file).respondents.map((party) => party.name),
    evidence_count: file.evidence.length, device_pending: 0, last_event_at_ms: file.events.at(-1)?.at_ms ?? null,
  })
  const evidenceRow = ({ statement, item, kind, media_type, size_bytes, captured, assurance, outcome, has_thumbnail, recovered, recording, flags }) => ({ statement, item, kind, media_type, size_bytes, captured, assurance, outcome, has_thumbnail, recovered, recording, flags })
  const person = (who) => ({ user: { id: who.id, name: who.name, role: who.role, courts: [who.court] }, csrf: sessions.get(who.token)?.csrf })
  const find = (list, wanted) => list.find(wanted) ?? (() => { throw new Refusal(404, 'not_found') })()

  const withoutEnded = (standing) => ({ ...standing, pauses: standing.pauses.filter((one) => !ended.has(one.pause)) })

  function login(body, response) {
    const count = failures.get(body.login) ?? { wrong: 0, until: 0 }
    if (count.until > Date.now()) throw new Refusal(429, 'locked_out', { retry_after_ms: count.until - Date.now() })
    const who = staff.find((one) => one.login === body.login)
    const right = who !== undefined && who.password === body.password
    if (right && who.totp !== null && body.totp === undefined) throw new Refusal(401, 'totp_required')
    if (!right || (who.totp !== null && who.totp !== body.totp)) {
      count.wrong += 1
      if (count.wrong >= ALLOWED_FAILURES) Object.assign(count, { until: Date.now() + LOCK_MS, wrong: 0 })
      failures.set(body.login, count)
      if (count.until > Date.now()) throw new Refusal(429, 'locked_out', { retry_after_ms: LOCK_MS })
      throw new Refusal(401, 'login_refused')
    }
    const token = randomBytes(16).toString('hex')
    sessions.set(token, { who, csrf: randomBytes(16).toString('hex') })
    response.setHeader('set-cookie', `zx_session=${token}; HttpOnly; SameSite=Strict; Path=/console`)
    return person({ ...who, token })
  }

  function answer(method, path, query, body, session, response) {
    const parts = path.split('/').map(decodeURIComponent)
    const route = `${method} ${parts[0]}${parts.length > 1 ? '/:id' : ''}${parts.length > 2 ? `/${parts[2]}` : ''}`
    const id = parts[1]
    const item = () => find(cases.flatMap((file) => file.evidence), (one) => one.statement === id)
    const bytes = (name, disposition) => {
      const blob = blobs.get(name)
      if (blob === undefined || blob.bytes === null) throw new Refusal(404, 'not_found')
      response.setHeader('content-type', blob.media_type)
      response.setHeader('content-disposition', disposition)
      return blob.bytes
    }
    switch (route) {
      case 'POST logout':
        sessions.delete(session.token)
        return {}
      case 'GET me':
        return person({ ...session.who, token: session.token })
      case 'GET courts':
        return { courts }
      case 'GET cases': {
        const text = query.get('query') ?? ''
        const court = query.get('court') ?? ''
        const fitting = cases.map(rowOf).filter((row) => (court === '' || row.court.startsWith(court)) && [row.number, ...row.applicants, ...row.respondents].some((word) => word.includes(text)))
        const from = Number(query.get('cursor') ?? 0)
        return { cases: fitting.slice(from, from + PAGE), next_cursor: from + PAGE < fitting.length ? String(from + PAGE) : null }
      }
      case 'GET cases/:id': {
        const file = find(cases, (one) => one.id === id)
        const { id: name, events, evidence, ...rest } = file
        return { case: name, ...rest, head: { seq: events.length, hash: events.at(-1).cause }, event_count: events.length, evidence_count: evidence.length, notes: [...notes.filter((note) => note.case === id), ...rest.notes], standing: withoutEnded(standingOf(file, file === cases[3])) }
      }
      case 'GET cases/:id/events': {
        const { events } = find(cases, (one) => one.id === id)
        const after = Number(query.get('after_seq') ?? 0)
        return { events: events.filter((event) => event.seq > after).slice(0, 16), head: { seq: events.length, hash: events.at(-1).cause } }
      }
      case 'GET cases/:id/prompts':
        find(cases, (one) => one.id === id)
        return { on: '2020-03-18', pack_id: '31a4b7bc4dc9', pack_version: 1, warning: '', prompts: prompts.filter(({ action }) => !recorded.has(action.replace('record:', ''))), measures: [], pauses: [], ...(query.get('explain') === 'true' ? { verdicts } : {}) }
      case 'GET cases/:id/acts':
        return { acts: id === cases[3].id ? actsOf(cases[3]) : [], now_ms: Date.now(), warning: '' }
      case 'GET cases/:id/funds':
        return money.shown(session.who)
      case 'GET cases/:id/papers': {
        if (parts.length === 3) return { papers: id === cases[3].id ? papersOf() : [] }
        const document = cases[3].documents[0].document
        return bytes(document, 'inline')
      }
      case 'GET cases/:id/checklists':
        return checklistOf(parts[3])
      case 'GET today':
        return todayOf(cases, prompts, (name) => query.get(name) ?? '')
      case 'GET rules': {
        const asked = (name) => query.get(name) ?? ''
        const fits = (row) => [row.id, row.name_zh, row.prompt_zh, row.basis[0].name_zh].some((text) => text.includes(asked('query')))
          && (asked('stage') === '' || row.stage === asked('stage')) && (asked('hard') === '' || String(row.hard) === asked('hard'))
          && (asked('confidence') === '' || row.confidence === asked('confidence')) && (asked('own') === '' || row.off || row.overlay_version !== null)
        const on = asked('on') || '2027-02-03'
        const { rows, ...rest } = rules
        const inForce = rules.periods.find((period) => (period.from ?? '') <= on && on <= (period.until ?? '9999'))
        return { ...rest, on, court: '川08', warning: '', legal_cutoff: '2026-07', in_force: inForce, published: 4, total: rows.length, rules: rows.filter(fits) }
      }
      case 'GET rules/:id/cases':
        return { rule: id, on: '2027-02-03', count: id === 'S02-01' ? 2 : 0, cases: id === 'S02-01' ? [
          { case: cases[0].id, number: cases[0].number, standing: 'overdue', due: '2027-01-20', days_left: -14 },
          { case: cases[1].id, number: cases[1].number, standing: 'open', due: null, days_left: null },
        ] : [] }
      case 'GET cases/:id/evidence':
        return { evidence: find(cases, (one) => one.id === id).evidence.map(evidenceRow), next_cursor: null }
      case 'GET documents/:id':
        return bytes(id, 'inline')
      case 'GET evidence/:id':
        return item()
      case 'GET evidence/:id/thumbnail':
        return bytes(`thumbnail ${item().statement}`, 'inline')
      case 'GET evidence/:id/original':
        return bytes(`original ${item().statement}`, 'attachment')
      case 'GET devices':
        return { devices: devices.map((device) => (revoked.has(device.device) ? { ...device, status: 'revoked' } : device)) }
      case 'POST devices/:id/revoke':
        if (session.who.role !== 'admin') throw new Refusal(403, 'forbidden')
        if (!['lost', 'stolen', 'returned', 'compromised'].includes(body.reason)) throw new Refusal(400, 'invalid_input', { field: 'reason' })
        revoked.add(find(devices, (device) => device.device === id).device)
        return {}
      case 'GET staff':
        return { staff: staff.map(({ id: name, login: account, name: real, role, court, badge }) => ({ id: name, login: account, name: real, role, court, badge })) }
      case 'POST enrol-tickets':
        if (!staff.some((one) => one.id === body.staff) || body.label === '') throw new Refusal(400, 'invalid_input', { field: 'label' })
        return { ticket: 'zx1:eyJjb3VydCI6IuW3nTA4MTEiLCJleHBpcmVzX21zIjoxNzk1NDI1MDAwMDAwfQ', expires_at_ms: Date.now() + 15 * 60_000, qr_svg: ticketPicture }
      case 'GET signing':
        return { realm: '01a0c450-6c00-7101-8101-010101010101', court: '川08', browsers: [] }
      case 'POST signing/:id':
        if (body.password !== session.who.password) throw new Refusal(403, 'password_refused')
        return court.ticket(session.who)
      case 'GET nodes':
        return { nodes, pause_reasons: [{ code: 'public_notice', name_zh: '公告' }, { code: 'appraisal', name_zh: '鉴定评估、审计' }] }
      case 'GET set-aside':
        return { statements: setAside.filter((row) => ['', row.effect].includes(query.get('effect') ?? '')), next_before: null }
      case 'GET gate':
        return { may_act: session.who.role === 'admin', peers: system.gate.map((peer) => ({ ...peer, served: true, quarantined: peer.quarantined.filter((batch) => !putBack.has(batch.name)), batches: arrivals })) }
      case 'POST gate/:id/quarantine':
        putBack.add(find(system.gate.flatMap((peer) => peer.quarantined), (batch) => batch.name === parts[3]).name)
        return {}
      case 'GET system':
        return system
      default:
        throw new Refusal(404, 'not_found')
    }
  }

  async function api(request, response, url) {
    const path = url.pathname.slice('/console/v1/'.length)
    seen.push(`${request.method} ${path}`)
    const fault = faults.find((one) => one.times > 0 && path.startsWith(one.path))
    if (fault !== undefined) {
      fault.times -= 1
      if (fault.kind === 'portal') {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Please log in to the hotel network</h1>')
        return
      }
      throw new Refusal(fault.status, fault.kind)
    }
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {}
    let found
    if (request.method === 'POST' && path === 'login') found = login(body, response)
    else {
      const token = /zx_session=([0-9a-f]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
      const session = sessions.get(token)
      if (session === undefined) throw new Refusal(401, 'unauthenticated')
      if (request.method !== 'GET' && request.headers['x-zx-csrf'] !== session.csrf) throw new Refusal(403, 'forbidden')
      found = answer(request.method, path, url.searchParams, body, { ...session, token }, response)
    }
    response.setHeader('cache-control', 'no-store')
    response.setHeader('x-content-type-options', 'nosniff')
    if (Buffer.isBuffer(found)) response.end(found)
    else {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(found))
    }
  }

  function page(response, pathname) {
    const wanted = normalize(pathname.slice('/console/'.length))
    const file = join(DIST, wanted)
    const isFile = !wanted.startsWith('..') && existsSync(file) && statSync(file).isFile()
    const name = isFile ? file : join(DIST, 'index.html')
    response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream', 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    response.end(readFileSync(name))
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1')
    if (url.pathname.startsWith('/device/v1/')) {
      void court.serve(request, response, url.pathname.slice('/device/v1/'.length))
    } else if (!url.pathname.startsWith('/console/')) {
      response.writeHead(404).end()
    } else if (url.pathname.startsWith('/console/v1/')) {
      api(request, response, url).catch((error) => {
        const refusal = error instanceof Refusal ? error : new Refusal(500, 'internal')
        response.writeHead(refusal.status, { 'content-type': 'application/problem+json' })
        response.end(JSON.stringify({ type: 'about:blank', title: refusal.kind, status: refusal.status, kind: refusal.kind, detail: error instanceof Refusal ? '' : String(error), ...refusal.more }))
      })
    } else {
      page(response, url.pathname)
    }
  })
  await new Promise((done) => server.listen(port, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${server.address().port}/console/`,
    seen,
    court,
    fail: (path, kind, status = 500, times = 1) => faults.push({ path, kind, status, times }),
    expire: () => sessions.clear(),
    close: () => new Promise((done) => { server.close(done); server.closeAllConnections() }),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock(Number(process.argv[2] ?? 8099))
  process.stdout.write(`${mock.url} (guanli / Guangyuan-2026)\n`)
}
