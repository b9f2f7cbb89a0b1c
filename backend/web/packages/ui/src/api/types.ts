// Shapes of the console API, version 1. Times are integer milliseconds UTC, dates `YYYY-MM-DD`, money integer fen.

export type StaffRole = 'judge' | 'clerk' | 'duty' | 'admin' | 'auditor'

export interface Session {
  user: { id: string; name: string; role: StaffRole; courts: string[] }
  csrf: string
}

export interface Court {
  word: string
  name: string
  level: string
  parent: string | null
}

export interface CaseRow {
  case: string
  number: string
  court: string
  cause: string
  filed_on: string | null
  handler: string | { name: string } | null
  amount_fen: number | null
  applicants: string[]
  respondents: string[]
  evidence_count: number
  last_event_at_ms: number | null
}

export interface Party {
  party: string
  role: string
  kind: string
  name: string | null
  id_number: string | null
  phone: string | null
  address: string | null
  village: string | null
}

export interface CaseDocument {
  document: string
  title: string | null
  kind: string
  volume: string
  media_type: string
  size_bytes: number
  sha256: string
  added_at_ms: number
}

/** A control measure with its renewals. */
export interface CaseMeasure {
  measure: string
  seq: number
  kind: string
  target: string
  rank: number
  at: string
  until: string
  days_left: number
  renewals: number
  released: string | null
  standing: 'in_force' | 'lapsed' | 'released'
  name: string | null
}

/** A line of an inventory made on site. */
export interface PropertyLine {
  act: string
  act_zh: string
  number: number
  name: string | null
  model: string | null
  place: string | null
  quantity: string
  unit_zh: string
  condition_zh: string
  estimate_fen: number | null
  keeper: string | null
  photos: string[]
}

/** How a case stands on a day. */
export interface CaseStanding {
  on: string
  staff: { id: string; name: string | null; role: string; since: string }[]
  tracks: { stage: string; name_zh: string; overdue: number; open: number }[]
  node: { seq: number; code: string; name_zh: string; at: string } | null
  measures: CaseMeasure[]
  pauses: { pause: string; reason: string; from: string; to: string | null; has_document: boolean }[]
  property: PropertyLine[]
}

/** Something an act on site asks for and does not have yet. */
export interface ActMissing {
  requirement: string
  name_zh: string
  do_zh: string
  hard: boolean
  after_closing: boolean
  basis: { law: string; article: string }[]
  confidence: string
}

/** An act on site. Texts that end in `_zh` come from the book of acts. */
export interface CaseAct {
  act: string
  kind: string | null
  kind_zh: string
  status: 'open' | 'closed' | 'closed_and_more'
  began: string | null
  place: string | null
  ended: string | null
  closed: string | null
  record: string
  attendees: { attendee: string; name: string | null; roles_zh: string[]; presence_zh: string; signed: boolean; refused: boolean }[]
  steps: { statement: string; at: string; what: string; what_zh: string; text: string | null; late: boolean }[]
  lines: (Omit<PropertyLine, 'act' | 'act_zh'> & { line: string; serial: string | null; seal_number: string | null; exempt_zh: string[]; versions: number })[]
  marks: { attendee: string; name: string | null; at: string; how_zh: string; papers_zh: string[]; refused: boolean; witness: string | null; current: boolean }[]
  missing: ActMissing[]
  met: { requirement: string; name_zh: string; hard: boolean }[]
  photos: { statement: string; shot_zh: string; held: boolean; has_thumbnail: boolean }[]
  drawn: { attendee: string; at: string; strokes: number[][][] }[]
  countersigned: boolean
  countersigns: { at: string; current: boolean }[]
  corrections: [string, string | null][]
  can_close: boolean
  timers: { timer: string; name_zh: string; due_ms: number; stopped_ms: number | null; over: boolean; warns: boolean }[]
}

/** One version of a paper. */
export interface PaperVersion {
  revision: number
  template: string
  template_version: number
  title: string | null
  volume: string
  on: string
  made_at_ms: number
  statement: string
}

export interface Paper {
  paper: string
  versions: PaperVersion[]
}

export const CHECKED_STEPS = ['termination', 'completion'] as const
export type CheckedStep = (typeof CHECKED_STEPS)[number]

/** What must be there before a step that ends something. */
export interface Checklist {
  step: CheckedStep
  name_zh: string
  on: string
  pack_version: number
  /** Rules that stop the step. */
  in_the_way: string[]
  items: {
    rule: string
    asked_zh: string
    standing: 'met' | 'open' | 'not_needed'
    proofs: { seq: number; code: string; name_zh: string | null; at: string }[]
    open_about: string[]
    earliest: string | null
    stops: boolean
    action: string
    basis: DutyBasis[]
    confidence: string
  }[]
}

/** Why a rule prompts or does not. */
export interface RuleVerdict {
  rule: string
  name_zh: string
  verdict: string
  trigger_seq: number | null
  by_seq: number | null
  detail: string | null
  pack_version: number
}

export interface TodayAsked {
  query: string
  court: string
  within: string
  standing: string
  hard: string
}

/** What is overdue or due soon in all cases, by case. */
export interface Today {
  on: string
  within: number
  count: number
  overdue: number
  due_today: number
  later: number
  cases: { case: string; number: string; court: string; cause: string; handler: string | null; respondents: string[]; prompts: DutyPrompt[] }[]
}

/** A browser that signs for the person. */
export interface SigningBrowser {
  device: string
  label: string
  active: boolean
  enrolled_at_ms: number
  last_seen_ms: number
  seq: number
}

export interface SigningState {
  realm: string
  court: string
  browsers: SigningBrowser[]
}

export interface SigningTicket {
  court: string
  expires_at_ms: number
  realm: string
  root: string
  secret: string
}

export interface NamedCode {
  code: string
  name_zh: string
}

export interface Nodes {
  nodes: NamedCode[]
  pause_reasons: NamedCode[]
}

/** A sum that reached the account of a case. */
export interface FundsPayment {
  payment: string
  seq: number
  amount_fen: number
  at: string
  payer: string | null
  method: string
  /** When finance confirmed it, somebody claimed it, it went back. */
  confirmed: string | null
  claimed: string | null
  returned: string | null
}

export type FundsPurpose = 'disbursement' | 'fee' | 'surplus' | 'distribution' | 'deposit'
export type FundsStanding = 'open' | 'approved' | 'refused' | 'withdrawn' | 'paid' | 'failed'

export interface FundsRequest {
  request: string
  seq: number
  amount_fen: number
  at: string
  by: string | null
  /** Whether the person who looks asked for it. */
  own: boolean
  payee: string | null
  account: string | null
  purpose: FundsPurpose
  standing: FundsStanding
  decided: { at: string; by: string | null; reason: string } | null
  settled: string | null
  failure: string | null
}

export interface CaseFunds {
  bank_fen: number
  unclaimed_fen: number
  free_fen: number
  asked_fen: number
  payable_fen: number
  paid_fen: number
  payments: FundsPayment[]
  requests: FundsRequest[]
  parties: { party: string; role: string; name: string | null }[]
  may_ask: boolean
  may_decide: boolean
}

/** Where the event chain of a case stands. */
export interface Head {
  seq: number
  hash: string
}

export interface CaseFile {
  case: string
  number: string
  court: string
  cause: string
  filed_on: string | null
  amount_fen: number | null
  title: string | null
  handler: { id: string; name: string } | null
  head: Head | string | null
  event_count: number
  parties: Party[]
  documents: CaseDocument[]
  standing: CaseStanding
  notes: { at_ms: number; author: string | null; text: string | null }[]
}

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** Value and salt of a hidden member; null once it was erased. */
export type Openings = Record<string, { salt: string; value: Json } | null>

export interface CaseEvent {
  seq: number
  at_ms: number
  occurred_on: string
  kind: string
  corrects: number | null
  cause: string
  body: Json
  openings: Openings
  actor: string | { name: string } | null
  /** Exact canonical bytes as text, where the server sends them. */
  raw?: string
  /** Number of the photo's event, for one about its thumbnail. */
  under?: number | null
  /** Name of the node, where the event records one that the rule pack knows. */
  node_zh?: string | null
}

export interface EventPage {
  events: CaseEvent[]
  head: Head | string | number | null
}

export type PromptStanding = 'overdue' | 'open' | 'later' | 'waiting'

/** The law a prompt rests on. */
export interface DutyBasis {
  law: string
  name_zh: string
  doc_no: string | null
  article: string
  cites_cpl_numbering: string | null
}

/** Which pack, and which settings of the court, hold on which days. */
export interface LawPeriod {
  /** First day; null: since ever. */
  from: string | null
  /** Last day; null: until further notice. */
  until: string | null
  pack_version: number
  pack_id: string
  overlay_version: number | null
}

/** How long a rule gives. */
export interface RuleLimit {
  kind: string
  n?: number
  unit?: string
  occurrences?: number
}

/** One rule as it holds at a court. */
export interface RuleRow {
  id: string
  stage: string
  name_zh: string
  prompt_zh: string
  duty: string
  hard: boolean
  scope: 'case' | 'court'
  limit: RuleLimit
  /** What stands for “promptly”. */
  promptly: { n: number; unit: string }
  valid_from: string | null
  valid_to: string | null
  action: string
  documents: string[]
  on_miss: string
  on_miss_zh: string
  basis: DutyBasis[]
  confidence: string
  provenance: string
  /** Where it was read. */
  source: string
  /** Version of the court’s settings where they made it what it is. */
  overlay_version: number | null
  /** The court switched it off. */
  off: boolean
  /** The court’s own rule. */
  local: boolean
  /** What the pack itself gives; null for a court’s own rule. */
  pack_limit: RuleLimit | null
}

export interface Rules {
  on: string
  court: string
  warning: string
  legal_cutoff: string
  in_force: LawPeriod
  periods: LawPeriod[]
  /** Version of the list of published norms; 0: nothing was published, the program’s own pack holds. */
  published: number
  refused: { kind: string; scope: string; version: number; code: string }[]
  stages: { key: string; name_zh: string }[]
  total: number
  rules: RuleRow[]
  left_out: { rule: string; detail: string }[]
  findings: { fault: boolean; code: string; rule: string | null; detail: string }[]
}

export interface RulesAsked {
  query: string
  stage: string
  hard: string
  confidence: string
  own: string
  court: string
  on: string
}

export interface RuleCases {
  rule: string
  on: string
  count: number
  cases: { case: string; number: string; standing: PromptStanding; due: string | null; days_left: number | null }[]
}

/** By which norms a device works, in its own words. */
export interface DeviceNorms {
  newest: number
  in_use: number
  refused?: { version: number; code: string; norm: string }
}

/** What the law asks. Moments are dates (`2020-03-10`) or times with their offset. */
export interface DutyPrompt {
  rule: string
  pack_id: string
  /** Version of the pack of the trigger’s day. */
  pack_version: number
  /** Version of the court’s settings where they made the rule what it is. */
  overlay_version: number | null
  stage_zh: string
  name_zh: string
  prompt_zh: string
  subject: string | null
  standing: PromptStanding
  due: string | null
  days_left: number | null
  earliest: string | null
  hard: boolean
  soft_limit: boolean
  on_miss: string
  /** The same in Chinese; empty where the pack has none. */
  on_miss_zh: string
  action: string
  basis: DutyBasis[]
  computation: {
    trigger_seq: number
    counted_from: string
    kind: string
    n: number | null
    unit: string | null
    pauses: [string, string][]
    pause_runs: boolean
    moved_from: string | null
    provisional: boolean
    problem: string | null
  }
  confidence: string
  provenance: string
}

export interface Prompts {
  on: string
  pack_id: string
  pack_version: number
  warning: string
  prompts: DutyPrompt[]
  /** Only where it was asked for. */
  verdicts?: RuleVerdict[]
}

export type EvidenceKind = 'photo' | 'segment' | 'audio' | 'import' | 'derivative'
export type AssuranceLevel = 'A0' | 'A1' | 'A2' | 'A3' | 'A4'
export type Outcome = 'awaited' | 'verified' | 'unreadable' | 'mismatch'

export interface EvidenceRow {
  statement: string
  item: string
  kind: EvidenceKind
  media_type: string
  size_bytes: number
  captured: { estimate_ms: number | null; wall_ms: number }
  assurance: AssuranceLevel
  outcome: Outcome
  has_thumbnail: boolean
  recovered: boolean
  recording: { id: string; index: number } | null
  flags: string[]
}

export interface Named {
  name: string
  value: Json
}

export interface TimeBracket {
  not_before_ms: number | null
  not_after_ms: number | null
  estimate_ms: number | null
  wall_ms: number
  source: 'court' | 'tsa' | null
  flags: string[]
}

export interface Check {
  code: string
  ok: boolean | null
  /** What was found, as raw values; the page has the sentence. */
  values?: Record<string, Json>
}

export interface Evidence extends EvidenceRow {
  case: string | null
  device: { id: string; label: string; officer: string | null; public_key?: string }
  statement_json: string
  signature_hex: string
  openings: Openings
  digests: { size_bytes: number; sha256: string; sm3: string; chunk_bytes: number; chunk_root: string }
  facts: Named[]
  claims: Named[]
  bracket: TimeBracket
  receipt: { json: string; signature_hex: string; at_ms: number; stored_sha256: string; public_key?: string } | null
  proof: { log_index: number; tree_size: number; hashes: string[]; checkpoint: string } | null
  checks: Check[]
}

export interface Device {
  device: string
  label: string
  officer: { id: string; name: string }
  court: string
  enrolled_at_ms: number
  last_seen_ms: number | null
  status: 'active' | 'revoked' | 'forked' | 'chain_open'
  seq: number
  assurance: string
  /** A browser at the console: it signs, and holds no copies. */
  browser: boolean
  pending_items: number | null
  flags: string[]
  /** Null before it said anything. */
  norms: DeviceNorms | null
}

export interface Staff {
  id: string
  login: string
  name: string
  role: StaffRole
  court: string
  badge: string
}

export interface EnrolTicket {
  ticket: string
  expires_at_ms: number
  qr_svg: string
}

/** A batch of the gate that lies somewhere, and why. */
export interface GateBatch {
  name: string
  reason: string
  since_ms: number
}

/** How things stand with one inner system on the other side of the gate. */
export interface GatePeer {
  peer: string
  in_seq: number
  in_at_ms: number | null
  out_seq: number
  out_at_ms: number | null
  unacknowledged: number
  refused: GateBatch[]
  waiting: GateBatch[]
  quarantined: GateBatch[]
  failed_lines: number
}

/** A batch that came through the gate, with the lines that were refused. */
export interface GateArrival {
  seq: number
  name: string
  state: 'taking' | 'taken'
  added: number
  unchanged: number
  failed: number
  at_ms: number
  errors: { file: string; line: number; reason: string }[]
}

export interface Gate {
  peers: (GatePeer & { batches: GateArrival[]; served: boolean })[]
  may_act: boolean
}

export const SET_ASIDE_EFFECTS = ['held', 'rejected', 'conflict'] as const

/** A statement that was admitted and has no effect. */
export interface SetAside {
  statement: string
  type: string
  case: string | null
  number: string | null
  seq: number | null
  admitted_ms: number
  effect: (typeof SET_ASIDE_EFFECTS)[number]
  reason: string
  device: { id: string; label: string; officer: string }
}

export interface SystemState {
  version: string
  realm: string
  store: string
  objects: string
  log: { origin: string; size: number; root: string; checkpoint_at_ms: number | null }
  jobs: { waiting: number; running: number; failed: number }
  uploads: { open: number; bytes_open: number }
  statements: number
  devices: number
  cases: number
  gate: GatePeer[]
  disk_free_bytes: number | null
  started_at_ms: number
}
