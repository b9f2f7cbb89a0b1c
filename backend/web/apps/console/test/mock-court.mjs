// What the court does with statements from a browser, for tests: signature, chain and commitments are checked with Node's own cryptography.
import { createHash, createPublicKey, createVerify, randomBytes } from 'node:crypto'

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex')
const sorted = (value) => (Array.isArray(value) ? value.map(sorted) : value !== null && typeof value === 'object' ? Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])])) : value)

/** The exact text of the member `statement` of each statement in a request. */
function exactTexts(request) {
  return [...request.matchAll(/"statement":(?=\{"body")/g)].map(({ index, 0: found }) => {
    const from = index + found.length
    let depth = 0
    let quoted = false
    for (let at = from; at < request.length; at += 1) {
      const sign = request[at]
      if (quoted) {
        if (sign === '\\') at += 1
        else if (sign === '"') quoted = false
      } else if (sign === '"') quoted = true
      else if (sign === '{') depth += 1
      else if (sign === '}' && (depth -= 1) === 0) return request.slice(from, at + 1)
    }
    throw new Error('a statement without end')
  })
}

export function makeCourt({ realm, word, apply }) {
  const tickets = new Map()
  const devices = new Map()
  const tokens = new Map()
  const taken = []
  let down = false

  function check(wire, text, key) {
    const { statement, openings, signature } = wire
    if (JSON.stringify(sorted(statement)) !== text) throw new Error(`not canonical: ${text}`)
    if (!createVerify('sha256').update(text).verify(key, Buffer.from(signature, 'hex'))) throw new Error('the signature does not fit')
    for (const [member, { salt, value }] of Object.entries(openings)) {
      const commitment = sha256('zx-hidden/1\0', JSON.stringify([member, salt, sorted(value)]))
      if (statement.hidden[member] !== commitment) throw new Error(`the opening of ${member} does not fit`)
    }
    if (Object.keys(openings).sort().join() !== Object.keys(statement.hidden).join()) throw new Error('openings are missing')
    if (statement.realm !== realm) throw new Error('another realm')
  }

  function admit(device, wire, text) {
    check(wire, text, device.key)
    const { chain } = wire.statement
    const hash = sha256(text)
    if (device.chain[chain.seq - 1]?.hash === hash) return { ...device.chain[chain.seq - 1], admission: 'duplicate' }
    if (chain.seq !== device.chain.length + 1 || chain.prev !== (device.chain.at(-1)?.hash ?? '0'.repeat(64))) throw new Error('the chain does not fit')
    const effect = device.revoked ? { effect: 'held', reason: 'revoked_key' } : apply(wire.statement, wire.openings, device.staff)
    const result = { hash, seq: chain.seq, admission: 'admitted', ...effect }
    device.chain.push(result)
    taken.push(wire.statement.type)
    return result
  }

  function answer(path, text, bearer) {
    const body = JSON.parse(text)
    const texts = exactTexts(text)
    switch (path) {
      case 'enroll': {
        const { statement } = body.enroll
        const staff = tickets.get(sha256(Buffer.from(body.secret, 'hex')))
        if (staff === undefined || statement.body.ticket !== sha256(Buffer.from(body.secret, 'hex'))) return [400, { kind: 'ticket_refused', title: 'used or unknown' }]
        if (statement.body.storage !== 'browser') throw new Error('no browser')
        const key = createPublicKey({ key: Buffer.from(statement.body.public_key, 'hex'), format: 'der', type: 'spki' })
        const device = devices.get(statement.device) ?? { key, staff, chain: [], revoked: false }
        devices.set(statement.device, device)
        return [200, { result: admit(device, body.enroll, texts[0]) }]
      }
      case 'challenge':
        return [200, { challenge: 'ab'.repeat(32) }]
      case 'session': {
        const device = devices.get(body.device)
        const bytes = `zx-session/1\n${realm}\n${body.device}\n${body.challenge}`
        if (device === undefined || !createVerify('sha256').update(bytes).verify(device.key, Buffer.from(body.signature, 'hex'))) return [401, { kind: 'unauthenticated' }]
        const token = randomBytes(16).toString('hex')
        tokens.set(token, device)
        return [200, { token, expires_in_ms: 3_600_000 }]
      }
      case 'statements': {
        const device = tokens.get(bearer)
        if (device === undefined) return [401, { kind: 'unauthenticated' }]
        return [200, { results: body.statements.map((wire, at) => admit(device, wire, texts[at])) }]
      }
      default:
        return [404, { kind: 'not_found' }]
    }
  }

  return {
    taken,
    /** From now on no statement comes through, or all do again. */
    cut: (isDown) => (down = isDown),
    revokeAll: () => devices.forEach((device) => (device.revoked = true)),
    ticket(staff) {
      const secret = randomBytes(16).toString('hex')
      tickets.set(sha256(Buffer.from(secret, 'hex')), staff)
      return { court: word, expires_at_ms: Date.now() + 86_400_000, realm, root: '0'.repeat(64), secret }
    },
    async serve(request, response, path) {
      const chunks = []
      for await (const chunk of request) chunks.push(chunk)
      if (down) {
        response.destroy()
        return
      }
      let [status, body] = [500, {}]
      try {
        ;[status, body] = answer(path, Buffer.concat(chunks).toString(), (request.headers.authorization ?? '').replace('Bearer ', ''))
      } catch (error) {
        body = { kind: 'invalid_input', title: String(error) }
        status = 400
      }
      response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' }).end(JSON.stringify(body))
    },
  }
}
