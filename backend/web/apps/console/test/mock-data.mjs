// Believable data for the tests of the pages. All people are invented; their ID and phone numbers cannot exist.
// Statements, signatures, receipts and the log are real cryptography, so that what the page tells people to run can be run.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const fixture = (name) => readFileSync(fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url)))

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest()
const hex = (bytes) => bytes.toString('hex')
const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value !== null && typeof value === 'object') {
    return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`
  }
  return JSON.stringify(value)
}
const uuid = (kind, number) => `0193d1c0-${String(kind).padStart(4, '0')}-7000-8000-${number.toString(16).padStart(12, '0')}`
const MINUTE = 60_000
const DAY = 86_400_000
// Monday 2026-11-23 10:21:05 in Shanghai.
const VISIT = Date.UTC(2026, 10, 23, 2, 21, 5)

function makeKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = createPublicKey(createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }))).export({ format: 'der', type: 'spki' })
  return { sign: (bytes) => sign('sha256', bytes, privateKey), publicKey: hex(spki), id: hex(sha256(spki)) }
}
const keys = [makeKey(), makeKey(), makeKey()]
const receiptKey = makeKey()
const realm = uuid(1, 1)

export const courts = [
  { word: '川08', name: '广元市中级人民法院', level: 'intermediate', parent: null },
  { word: '川0802', name: '广元市利州区人民法院', level: 'basic', parent: '川08' },
  { word: '川0811', name: '广元市昭化区人民法院', level: 'basic', parent: '川08' },
  { word: '川0812', name: '广元市朝天区人民法院', level: 'basic', parent: '川08' },
  { word: '川0823', name: '剑阁县人民法院', level: 'basic', parent: '川08' },
]

export const staff = [
  { id: uuid(2, 1), login: 'guanli', name: '苏明远', role: 'admin', court: '川08', badge: '08-001', password: 'Guangyuan-2026', totp: null },
  { id: uuid(2, 2), login: 'zhiban', name: '罗静', role: 'duty', court: '川08', badge: '08-017', password: 'Zhaohua-2026', totp: '246810' },
  { id: uuid(2, 3), login: 'tangyi', name: '唐毅', role: 'judge', court: '川0811', badge: '0811-006', password: 'Zhaohua-2026', totp: null },
  { id: uuid(2, 4), login: 'fanlin', name: '范琳', role: 'clerk', court: '川0811', badge: '0811-011', password: 'Zhaohua-2026', totp: null },
  { id: uuid(2, 5), login: 'moushan', name: '牟山', role: 'judge', court: '川0823', badge: '0823-002', password: 'Jiange-2026', totp: null },
]

export const devices = [
  { device: uuid(3, 1), label: '执行一组 1 号手机', officer: { id: staff[2].id, name: staff[2].name }, court: '川0811', enrolled_at_ms: VISIT - 62 * DAY, last_seen_ms: VISIT + 41 * MINUTE, status: 'active', seq: 1284, assurance: 'A1', pending_items: 0, flags: [], norms: { newest: 3, in_use: 3 } },
  { device: uuid(3, 2), label: '执行一组 记录仪采集站', officer: { id: staff[3].id, name: staff[3].name }, court: '川0811', enrolled_at_ms: VISIT - 60 * DAY, last_seen_ms: VISIT - 26 * MINUTE, status: 'active', seq: 402, assurance: 'A1', pending_items: 3, flags: ['clock_skew'], norms: { newest: 4, in_use: 3, refused: { version: 4, code: 'norm_signature_wrong', norm: 'pack 3' } } },
  { device: uuid(3, 3), label: '剑阁执行 2 号手机', officer: { id: staff[4].id, name: staff[4].name }, court: '川0823', enrolled_at_ms: VISIT - 90 * DAY, last_seen_ms: VISIT - 9 * DAY, status: 'chain_open', seq: 96, assurance: 'A2', pending_items: 2, flags: [], norms: { newest: 0, in_use: 0 } },
  { device: uuid(3, 4), label: '执行二组 备用手机', officer: { id: staff[2].id, name: staff[2].name }, court: '川0811', enrolled_at_ms: VISIT - 200 * DAY, last_seen_ms: VISIT - 120 * DAY, status: 'forked', seq: 58, assurance: 'A1', pending_items: null, flags: ['quarantined'], norms: null },
  { device: uuid(3, 5), label: '旧 1 号手机', officer: { id: staff[2].id, name: staff[2].name }, court: '川0811', enrolled_at_ms: VISIT - 400 * DAY, last_seen_ms: VISIT - 63 * DAY, status: 'revoked', seq: 3310, assurance: 'A1', pending_items: 0, flags: [], norms: null },
]

const applicants = ['梁启文', '杨素芬', '广元利民农资有限公司', '陈国栋', '何秀英', '四川蜀道建筑劳务有限公司', '向志强', '昭化区农村信用合作联社']
const respondents = ['彭大勇', '蒲光明', '广元鑫旺养殖专业合作社', '刘世海', '雍建华', '四川安居建材有限公司', '母天成', '苟永贵']
const causes = ['loan', 'wages', 'sales_contract', 'traffic_accident', 'financial_loan', 'construction', 'child_support', 'lease']
const stored = (seed) => hex(sha256(`stored ${seed}`))

function pdf(text) {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>',
    `<</Length ${text.length + 45}>>stream\nBT /F1 18 Tf 72 760 Td (${text}) Tj ET\nendstream`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ]
  return Buffer.from(`%PDF-1.4\n${objects.map((body, at) => `${at + 1} 0 obj${body}endobj\n`).join('')}trailer<</Root 1 0 R>>\n%%EOF\n`)
}

/** Bytes of documents and originals by id. */
export const blobs = new Map()

function makeCase(number) {
  const court = courts[1 + (number % 4)].word
  const filed = new Date(VISIT - (4 + number * 6) * DAY).toISOString().slice(0, 10)
  const amount = number === 7 ? null : [2_000_000, 15_860_050, 4_230_000, 88_000_000, 1_264_500][number % 5] + number * 100
  const title = `（2026）${court}民初${310 + number}号民事判决书`
  const people = [applicants[number % applicants.length], respondents[(number * 3) % respondents.length]]
  const id = uuid(4, number)
  const parties = people.map((name, at) => ({
    party: uuid(5, number * 2 + at),
    role: at === 0 ? 'applicant' : 'respondent',
    kind: name.length > 4 ? 'organisation' : 'person',
    name,
    id_number: name.length > 4 ? '91510800MA000000X0' : `510811197${at}0230${String(1000 + number).slice(1)}0`,
    phone: `1200000${String(1000 + number * 2 + at)}`,
    address: ['广元市昭化区元坝镇拱桥村 3 组', '广元市昭化区柏林沟镇向阳村 5 组'][at],
    village: ['510811100205', '510811106208'][at],
  }))
  const documents = [
    { kind: 'enforcement_title', title, media_type: 'application/pdf', bytes: pdf(`Judgment ${310 + number} (sample for tests)`) },
    { kind: 'application', title: '强制执行申请书', media_type: 'application/pdf', bytes: pdf('Application (sample for tests)') },
    { kind: 'identity_copy', title: '申请执行人身份证明', media_type: 'image/jpeg', bytes: fixture('identity.jpg') },
  ].map((document, at) => {
    const name = uuid(6, number * 4 + at)
    blobs.set(name, document)
    return { document: name, title: document.title, kind: document.kind, volume: at === 1 ? 'internal' : 'main', media_type: document.media_type, size_bytes: document.bytes.length, sha256: hex(sha256(document.bytes)), added_at_ms: VISIT - (4 + number * 6) * DAY + at * 4000 }
  })
  const handler = number === 5 ? null : { id: staff[2].id, name: staff[2].name }
  return { id, number: `（2026）${court}执${120 + number}号`, court, cause: causes[number % causes.length], filed_on: filed, amount_fen: amount, title, handler, parties, documents, notes: [], events: [], evidence: [] }
}

export const cases = Array.from({ length: 46 }, (_, number) => makeCase(number))

const log = { leaves: [], statements: [] }
const nodeHash = (left, right) => sha256([1], left, right)
const split = (size) => 2 ** Math.floor(Math.log2(size - 1))
const rootOf = (leaves) => {
  if (leaves.length === 1) return leaves[0]
  const at = split(leaves.length)
  return nodeHash(rootOf(leaves.slice(0, at)), rootOf(leaves.slice(at)))
}
const pathOf = (leaves, index) => {
  if (leaves.length === 1) return []
  const at = split(leaves.length)
  return index < at
    ? [...pathOf(leaves.slice(0, at), index), rootOf(leaves.slice(at))]
    : [...pathOf(leaves.slice(at), index - at), rootOf(leaves.slice(0, at))]
}

function logged(statement, signature) {
  log.leaves.push(sha256([0], 'ev1\0', sha256(statement), sha256(signature)))
  return log.leaves.length - 1
}
for (let number = 0; number < 41; number += 1) logged(Buffer.from(`earlier ${number}`), Buffer.from('x'))

function addEvent(file, kind, at, body, openings = {}, actor = '内网批次导入', corrects = null) {
  file.events.push({
    seq: file.events.length + 1,
    at_ms: at,
    occurred_on: new Date(at + 8 * 3_600_000).toISOString().slice(0, 10),
    kind,
    corrects,
    cause: hex(sha256(`${file.id} ${kind} ${file.events.length}`)),
    body,
    openings: Object.fromEntries(Object.entries(openings).map(([name, value]) => [name, value === null ? null : { salt: hex(sha256(name, file.id)), value }])),
    actor,
  })
}

for (const file of cases) {
  const at = Date.parse(`${file.filed_on}T01:30:00Z`)
  addEvent(file, 'case.filed', at, { amount_fen: file.amount_fen, cause: file.cause, court: file.court, number: file.number }, { title: file.title })
  for (const party of file.parties) addEvent(file, 'party.added', at + 2000, { party: party.party, person_kind: party.kind, role: party.role, village: party.village }, { name: party.name, id_number: party.id_number, phone: party.phone, address: party.address })
  if (file.handler !== null) addEvent(file, 'case.assigned', at + 3_600_000, { role: 'handler', staff: file.handler.id }, { name: file.handler.name }, staff[0].name)
  for (const document of file.documents) addEvent(file, 'document.added', document.added_at_ms, { document: document.document, document_kind: document.kind, media_type: document.media_type, sha256: document.sha256, size_bytes: document.size_bytes, stored_sha256: stored(document.document), volume: document.volume }, { title: document.title })
}

function addEvidence(file, given) {
  const { key, device, at, kind, mediaKind, mediaType, bytes, thumbnail = null, assurance = 'A1', outcome = 'verified', wallOff = 1200, anchored = true, claims = {}, place = null, recording = null, recovered = false, note = null } = given
  const item = uuid(7, file.evidence.length + cases.indexOf(file) * 32)
  const digests = { chunk_bytes: 1_048_576, chunk_root: hex(sha256([0], bytes)), sha256: hex(sha256(bytes)), size_bytes: bytes.length, sm3: hex(createHash('sm3').update(bytes).digest()) }
  const type = { photo: 'evidence.capture/1', audio: 'evidence.capture/1', segment: 'evidence.segment/1', import: 'evidence.import/1' }[kind]
  const openings = {}
  for (const [name, value] of Object.entries({ place, text: note, claims: Object.keys(claims).length > 0 ? claims : null })) {
    if (value !== null) openings[name] = { salt: hex(sha256(name, item)), value }
  }
  const wall = at + wallOff
  const statement = canonical({
    body: { digests, item, kind: mediaKind, media_type: mediaType, ...(kind === 'segment' ? { index: recording.index, recording: recording.id } : {}), ...(kind === 'import' ? { file_modified_ms: at - 3 * DAY, source: 'recorder' } : { recovered }) },
    case: file.id,
    chain: { prev: hex(sha256('before', item)), seq: 1200 + file.evidence.length },
    clock: { anchor: anchored ? { elapsed_ms: 51_000, server_ms: at - 900_000, sha256: hex(sha256('anchor')) } : null, boot: 'b7f0c2', elapsed_ms: 951_000, gnss_ms: place === null ? null : at + 300, wall_ms: wall },
    court: file.court,
    device: device.device,
    hidden: Object.fromEntries(Object.entries(openings).map(([name, opening]) => [name, hex(sha256('zx-hidden/1\0', canonical([name, opening.salt, opening.value])))])),
    key: keys[key].id,
    nonce: hex(sha256('nonce', item)).slice(0, 32),
    realm,
    seen: { origin: 'zhaohua.example/log', root: hex(sha256('root')), size: 38 },
    type,
  })
  const signature = keys[key].sign(Buffer.from(statement))
  const name = hex(sha256(statement))
  const arrived = at + 38 * MINUTE
  const receiptJson = canonical({ at_ms: arrived, digests, item, key: receiptKey.id, realm, statement: name, stored_bytes: bytes.length + 800, stored_sha256: stored(item), type: 'receipt.storage/1', where: 'disk' })
  const verified = outcome === 'verified'
  const tight = assurance === 'A3' || assurance === 'A4'
  const bracket = { not_before_ms: anchored ? at - (tight ? 3 : 18) * MINUTE : null, not_after_ms: at + (tight ? 4 : 36) * MINUTE, estimate_ms: anchored ? at : null, wall_ms: wall, source: tight ? 'tsa' : 'court', flags: [] }
  if (Math.abs(wallOff) > 2 * MINUTE && anchored) bracket.flags.push('clock_skew')
  if (wall > bracket.not_after_ms || (bracket.not_before_ms !== null && wall < bracket.not_before_ms)) bracket.flags.push('wall_outside')
  const flags = [...bracket.flags, ...(recovered ? ['recovered'] : [])]
  const check = (code, ok, values = {}) => ({ code, ok, values })
  const evidence = {
    statement: name,
    item,
    kind,
    media_type: mediaType,
    size_bytes: bytes.length,
    captured: { estimate_ms: bracket.estimate_ms, wall_ms: wall },
    assurance,
    outcome,
    has_thumbnail: thumbnail !== null,
    recovered,
    recording,
    flags,
    case: file.id,
    device: { id: device.device, label: device.label, officer: device.officer.name, public_key: keys[key].publicKey },
    statement_json: statement,
    signature_hex: hex(signature),
    openings,
    digests,
    facts: [
      ...(anchored ? [{ name: 'estimate_ms', value: at }] : []),
      { name: 'wall_ms', value: wall },
      ...(place === null ? [] : [{ name: 'gnss_ms', value: at + 300 }, { name: 'place', value: place }]),
      { name: 'media_type', value: mediaType },
      { name: 'device', value: device.label },
      { name: 'boot', value: 'b7f0c2' },
      { name: 'elapsed_ms', value: 951_000 },
      ...(note === null ? [] : [{ name: 'text', value: note }]),
      ...(kind === 'import' ? [{ name: 'source', value: 'recorder' }, { name: 'file_modified_ms', value: at - 3 * DAY }] : []),
    ],
    claims: Object.entries(claims).map(([claim, value]) => ({ name: claim, value })),
    bracket,
    receipt: verified ? { json: receiptJson, signature_hex: hex(receiptKey.sign(Buffer.from(receiptJson))), at_ms: arrived, stored_sha256: stored(item), public_key: receiptKey.publicKey } : null,
    proof: null,
    leaf: logged(Buffer.from(statement), signature),
    checks: [
      check('statement_hash', true),
      check('signature', true, { key: keys[key].id }),
      check('bytes', outcome === 'awaited' ? null : verified, { outcome }),
      check('receipt', verified ? true : null, { at_ms: verified ? arrived : null }),
      check('log', true),
    ],
  }
  file.evidence.push(evidence)
  blobs.set(`thumbnail ${name}`, { media_type: 'image/jpeg', bytes: thumbnail })
  blobs.set(`original ${name}`, { media_type: mediaType, bytes })
  const origin = kind === 'import' ? { how: 'imported', source: 'recorder' } : kind === 'segment' ? { how: 'segment', index: recording.index, recording: recording.id, recovered } : { how: 'captured', recovered }
  addEvent(file, 'evidence.sealed', at, { device: device.device, digests, item, media_kind: mediaKind, media_type: mediaType, origin, statement: name }, place === null ? {} : { place }, device.officer.name)
  if (kind === 'photo' && thumbnail !== null) {
    const under = file.events.length
    addEvent(file, 'evidence.sealed', at + 500, { device: device.device, digests, item: stored(item).slice(0, 32), media_kind: null, media_type: 'image/jpeg', origin: { how: 'derived', parent: name, purpose: 'thumbnail' }, statement: stored(name) }, {}, device.officer.name)
    file.events.at(-1).under = under
  }
  if (outcome !== 'awaited') addEvent(file, 'evidence.received', arrived, { item, outcome, statement: name, stored_bytes: bytes.length + 800, stored_sha256: stored(item) }, {}, '法院服务器')
}

const here = { accuracy_cm: 800, lat_e7: 321_870_000, lon_e7: 1_058_910_000, mock: false, source: 'gnss' }
const exif = { make: '"HUAWEI"', model: '"ALN-AL00"', taken: '2026-11-23 10:21:05', taken_offset: '+08:00', latitude: '32 deg 11 min 13.2 sec', latitude_ref: 'N', longitude: '105 deg 53 min 27.6 sec', longitude_ref: 'E', orientation: 'row 0 at top and column 0 at left' }
const main = cases[3]
const recording = uuid(8, 1)
addEvidence(main, { key: 0, device: devices[0], at: VISIT, kind: 'photo', mediaKind: 'photo', mediaType: 'image/jpeg', bytes: fixture('house.jpg'), thumbnail: fixture('house.jpg'), claims: exif, place: here, assurance: 'A3' })
addEvidence(main, { key: 0, device: devices[0], at: VISIT + 2 * MINUTE, kind: 'photo', mediaKind: 'photo', mediaType: 'image/jpeg', bytes: fixture('truck.jpg'), thumbnail: fixture('truck.jpg'), claims: { ...exif, taken: '2026-11-21 08:02:40', latitude: '32 deg 26 min 5.0 sec', longitude: '105 deg 50 min 2.0 sec' }, place: here, wallOff: -2 * DAY - 139 * MINUTE, note: '院内货车，车牌已遮挡。' })
for (let index = 0; index < 3; index += 1) {
  addEvidence(main, { key: 0, device: devices[0], at: VISIT + (5 + index) * MINUTE, kind: 'segment', mediaKind: 'video', mediaType: 'video/mp4', bytes: Buffer.concat([fixture('visit.mp4'), Buffer.from([0, 0, 0, 9, 0x66, 0x72, 0x65, 0x65, index])]), thumbnail: index === 0 ? fixture('field.jpg') : null, recording: { id: recording, index }, recovered: index === 2 })
}
addEvent(main, 'recording.closed', VISIT + 9 * MINUTE, { ended: 'interrupted', recording, segments: main.evidence.slice(2).map(({ item, statement }) => ({ item, sha256: stored(item), statement })) }, {}, devices[0].officer.name)
addEvidence(main, { key: 0, device: devices[0], at: VISIT + 12 * MINUTE, kind: 'audio', mediaKind: 'audio', mediaType: 'audio/mp4', bytes: Buffer.from('audio note of the tests'), outcome: 'awaited', note: '邻居称被执行人国庆后回村。' })
addEvidence(main, { key: 1, device: devices[1], at: VISIT + 30 * MINUTE, kind: 'import', mediaKind: 'video', mediaType: 'video/mp4', bytes: fixture('visit.mp4'), thumbnail: fixture('field.jpg'), assurance: 'A0', anchored: false, claims: { taken: '2026-11-23 10:18:00' }, wallOff: 10 * 365 * DAY })
addEvidence(main, { key: 0, device: devices[0], at: VISIT + 33 * MINUTE, kind: 'photo', mediaKind: 'photo', mediaType: 'image/jpeg', bytes: fixture('field.jpg'), thumbnail: fixture('field.jpg'), outcome: 'mismatch' })
addEvent(main, 'note.added', VISIT + 50 * MINUTE, { note: uuid(9, 1) }, { text: '到向阳村 5 组走访，被执行人家中有人居住，院内停放货车一辆；村民反映其国庆后已返乡。拟下周二前约谈。' }, staff[2].name)
addEvent(main, 'assist.asked', VISIT + 55 * MINUTE, { village: '510811106208' }, { person: null }, staff[2].name)
main.notes.push({ at_ms: VISIT + 50 * MINUTE, author: staff[2].name, text: '到向阳村 5 组走访，被执行人家中有人居住，院内停放货车一辆；村民反映其国庆后已返乡。拟下周二前约谈。' })

const root = rootOf(log.leaves)
const checkpoint = `zhaohua.example/log\n${log.leaves.length}\n${root.toString('base64')}\n\n— zhaohua.example/log ${sha256('signature').toString('base64')}\n`
for (const file of cases) {
  for (const evidence of file.evidence) {
    evidence.proof = { log_index: evidence.leaf, tree_size: log.leaves.length, hashes: pathOf(log.leaves, evidence.leaf).map(hex), checkpoint }
    evidence.checks.find(({ code }) => code === 'log').values = { log_index: evidence.leaf, tree_size: log.leaves.length }
    delete evidence.leaf
  }
}

export const system = {
  version: '0.1.0',
  realm,
  store: 'sqlite',
  objects: 'disk',
  log: { origin: 'zhaohua.example/log', size: log.leaves.length, root: hex(root), checkpoint_at_ms: VISIT + 56 * MINUTE },
  jobs: { waiting: 2, running: 1, failed: 1 },
  uploads: { open: 1, bytes_open: 7_340_032 },
  statements: log.leaves.length,
  devices: devices.length,
  cases: cases.length,
  gate: [
    {
      peer: 'inner-0811',
      in_seq: 41,
      in_at_ms: VISIT + 40 * MINUTE,
      out_seq: 17,
      out_at_ms: VISIT + 50 * MINUTE,
      unacknowledged: 2,
      failed_lines: 1,
      refused: [],
      waiting: [{ name: 'inner-0811-000043', reason: 'batch 42 is missing', since_ms: VISIT + 52 * MINUTE }],
      quarantined: [{ name: 'inner-0811-000042', reason: 'cases.jsonl is not what the manifest says', since_ms: VISIT + 51 * MINUTE }],
    },
  ],
  disk_free_bytes: 81_604_378_624,
  started_at_ms: VISIT - 6 * DAY,
}
export const ticketPicture = fixture('ticket.svg').toString()

const prompt = (more) => ({
  pack_id: '31a4b7bc4dc9', pack_version: 1, overlay_version: null, stage_zh: '分案与执行通知', subject: null, earliest: null, hard: true, soft_limit: false, on_miss: '', on_miss_zh: '', action: 'none', confidence: 'high', provenance: 'verified_text', ...more,
  basis: more.basis ?? [{ law: 'CPL', name_zh: '中华人民共和国民事诉讼法（2023修正）', doc_no: null, article: '251', cites_cpl_numbering: '2023' }],
  computation: { trigger_seq: 1, counted_from: '2020-03-10', kind: 'within_after', n: null, unit: null, pauses: [], pause_runs: false, moved_from: null, provisional: false, problem: null, ...more.computation },
})

/** What the law asks, one of each kind that looks different. */
export const prompts = [
  prompt({ rule: 'S04-02', name_zh: '首次查控启动', prompt_zh: '立案五日内启动首次查控。', standing: 'overdue', due: '2020-03-16', days_left: -2, hard: false, action: 'request:online_query', confidence: 'medium', provenance: 'local_practice', on_miss: 'node alert', on_miss_zh: '节点预警', computation: { n: 5, unit: 'day', moved_from: '2020-03-15' } }),
  prompt({ rule: 'S02-03', name_zh: '发出执行通知（法定外限）', prompt_zh: '收到申请十日内发出执行通知。', standing: 'open', due: '2020-03-20', days_left: 2, overlay_version: 2, action: 'form:执行通知书', on_miss: 'objection', on_miss_zh: '可被提出异议', computation: { n: 10, unit: 'day' } }),
  prompt({ rule: 'S02-09', name_zh: '执行期限六个月', prompt_zh: '有财产案件六个月内执结。', standing: 'open', due: '2020-10-10', days_left: 206, on_miss: 'applicant may ask the higher court to order', on_miss_zh: '申请执行人可向上一级法院申请责令执行', computation: { n: 6, unit: 'month', pauses: [['2020-05-01', '2020-05-30']], pause_runs: true, provisional: true } }),
  prompt({ rule: 'S05-07', name_zh: '拘传询问时限', prompt_zh: '八小时内结束询问。', standing: 'open', due: '2020-03-18T17:30:00+08:00', days_left: 0, action: 'timer:inquiry.ended', computation: { counted_from: '2020-03-18T09:30:00+08:00', n: 8, unit: 'hour' } }),
  prompt({ rule: 'S01-04', name_zh: '送达地址确认', prompt_zh: '立案时采集送达地址。', standing: 'open', due: null, days_left: null, action: 'form:送达地址确认书', computation: { kind: 'none' } }),
  prompt({ rule: 'S01-06', name_zh: '核实当事人身份', prompt_zh: '核实当事人身份并记录。', standing: 'open', due: null, days_left: null, action: 'record:party.identity_verified', computation: { kind: 'none' } }),
  prompt({ rule: 'S17-01', name_zh: '终本最低期间', prompt_zh: '立案未满三个月不得终本。', standing: 'waiting', due: '2020-06-11', days_left: 85, earliest: '2020-06-11', computation: { kind: 'not_before', n: 3, unit: 'month' } }),
]

const rule = (more) => ({
  stage: 'assignment_notice', prompt_zh: '', duty: '', hard: true, scope: 'case', promptly: { n: 5, unit: 'working_day' }, valid_from: null, valid_to: null, action: 'none', documents: [],
  on_miss: '', on_miss_zh: '', confidence: 'high', provenance: 'verified_text', source: 'collection of statutes, file 12', overlay_version: null, off: false, local: false, pack_limit: more.limit, ...more,
  basis: more.basis ?? [{ law: 'TIME', name_zh: '关于人民法院办理执行案件若干期限的规定', doc_no: '法发〔2006〕35号', article: '2', cites_cpl_numbering: null }],
})

/** Rules as a court sees them, one of each kind that looks different. */
export const rules = {
  stages: [{ key: 'filing', name_zh: '立案' }, { key: 'assignment_notice', name_zh: '分案与执行通知' }, { key: 'funds', name_zh: '案款' }],
  periods: [
    { from: null, until: '2026-12-31', pack_version: 1, pack_id: '31a4b7bc4dc9', overlay_version: null },
    { from: '2027-01-01', until: null, pack_version: 2, pack_id: 'c02f7a91be55', overlay_version: 2 },
  ],
  left_out: [{ rule: 'S10-02', detail: 'the overlay names the rule S10-02, which the pack does not have' }],
  refused: [{ kind: 'pack', scope: '', version: 3, code: 'norm_signature_wrong' }],
  findings: [{ fault: false, code: 'hard_and_unsure', rule: 'S17-06', detail: 'hard, yet only remembered; prefer soft until read' }],
  rows: [
    rule({ id: 'S02-01', name_zh: '确定承办人', prompt_zh: '立案后七日内确定承办人。', duty: 'Name the responsible enforcement officer.', limit: { kind: 'within_after', n: 7, unit: 'day' }, action: 'record:case.assigned', documents: ['分案记录'], on_miss: 'supervisor alert', on_miss_zh: '提醒主管领导' }),
    rule({ id: 'S02-03', name_zh: '发出执行通知（法定外限）', prompt_zh: '收到申请十日内发出执行通知。', duty: 'Issue the enforcement notice.', limit: { kind: 'within_after', n: 8, unit: 'day' }, pack_limit: { kind: 'within_after', n: 10, unit: 'day' }, overlay_version: 2, action: 'form:执行通知书' }),
    rule({ id: 'S01-05', stage: 'filing', name_zh: '收款账户确认', prompt_zh: '立案时确认收款账户。', duty: 'Record the account.', hard: false, limit: { kind: 'none' }, confidence: 'medium', provenance: 'local_practice', off: true }),
    rule({ id: 'S10-02', stage: 'funds', name_zh: '案款发放', prompt_zh: '及时发放。', duty: 'Pay out promptly.', hard: false, limit: { kind: 'promptly' }, confidence: 'low', provenance: 'remembered' }),
    rule({ id: 'L01', name_zh: '通知申请执行人', prompt_zh: '收案两日内通知。', duty: 'Tell the applicant.', hard: false, limit: { kind: 'within_after', n: 2, unit: 'day' }, pack_limit: null, local: true, overlay_version: 2 }),
    rule({ id: 'S23-01', stage: 'funds', name_zh: '系统留存', prompt_zh: '保存日志。', duty: 'Keep the logs.', scope: 'court', limit: { kind: 'periodic', n: 6, unit: 'month', occurrences: 10 }, valid_from: '2021-11-01' }),
  ],
}

export const nodes = [
  { code: 'notice.sent', name_zh: '发出执行通知书' },
  { code: 'party.identity_verified', name_zh: '已核实当事人身份' },
  { code: 'report_order.issued', name_zh: '发出报告财产令' },
]
