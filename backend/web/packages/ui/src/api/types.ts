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
