import { formatFen, formatBytes, type CaseEvent, type Json, type Words } from '@zhixing/ui'
import { momentText } from './duties'

function member(value: Json, name: string): Json {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
  return value[name] ?? null
}

function text(value: Json): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/** The opened value of a hidden member; empty where it is withheld or erased. */
export function opened(event: CaseEvent, name: string): string {
  const opening = event.openings[name]
  return opening === null || opening === undefined ? '' : text(opening.value)
}

/** What happened, in plain words. A kind that this version does not know gives null: its raw content is shown. */
export function describe(event: CaseEvent, words: Words): string | null {
  const { t, word } = words
  const of = (name: string): string => text(member(event.body, name))
  const name = opened(event, 'name') || t('timeline.somebody')
  switch (event.kind) {
    case 'case.filed':
      return t('timeline.plain.case_filed', { number: of('number'), cause: word('cause', of('cause')) })
    case 'case.assigned':
      return t('timeline.plain.case_assigned', { name, role: word('case_role', of('role')) })
    case 'case.released':
      return t('timeline.plain.case_released')
    case 'party.added':
      return t('timeline.plain.party_added', { name, role: word('party_role', of('role')) })
    case 'document.added':
      return t('timeline.plain.document_added', {
        title: opened(event, 'title') || word('document_kind', of('document_kind')),
        volume: word('volume', of('volume')),
      })
    case 'note.added':
      return opened(event, 'text') || t('timeline.plain.note_added')
    case 'evidence.sealed': {
      const kind = text(member(event.body, 'media_kind'))
      const size = member(member(event.body, 'digests'), 'size_bytes')
      return t('timeline.plain.evidence_sealed', {
        kind: kind === '' ? word('evidence_kind', 'derivative') : word('media_kind', kind),
        size: typeof size === 'number' ? formatBytes(size) : '',
      })
    }
    case 'evidence.received':
      return t(`timeline.plain.evidence_${['verified', 'unreadable', 'mismatch'].includes(of('outcome')) ? of('outcome') : 'received'}`)
    case 'node.recorded':
      return t('timeline.plain.node_recorded', { node: event.node_zh ?? of('node'), at: momentText(of('at'), words) })
    case 'measure.taken':
      return t('timeline.plain.measure_taken', { kind: word('measure_kind', of('kind')), name: opened(event, 'name'), until: words.date(of('until')) })
    case 'measure.renewed':
      return t('timeline.plain.measure_renewed', { until: words.date(of('until')) })
    case 'measure.released':
      return t('timeline.plain.measure_released', { reason: of('reason') })
    case 'pause.begun':
      return t('timeline.plain.pause_begun', { from: words.date(of('from')), reason: of('reason') })
    case 'pause.ended':
      return t('timeline.plain.pause_ended', { to: words.date(of('to')) })
    case 'funds.received':
      return t('timeline.plain.funds_amount', { amount: formatFen(Number(of('amount_fen'))) })
    case 'funds.requested':
      return t('timeline.plain.funds_asked', {
        purpose: word('funds_purpose', of('purpose')),
        amount: formatFen(Number(of('amount_fen'))),
        payee: opened(event, 'payee') || '—',
      })
    case 'funds.decided':
      return t('timeline.plain.funds_decided', { decision: word('funds_decision', of('decision')) })
    case 'paper.made':
      return t('timeline.plain.paper_made', {
        title: opened(event, 'title') || of('template'),
        revision: of('revision'),
        volume: word('volume', of('volume')),
      })
    case 'recording.closed': {
      const segments = member(event.body, 'segments')
      return t('timeline.plain.recording_closed', {
        count: Array.isArray(segments) ? segments.length : 0,
        end: word('recording_end', of('ended')),
      })
    }
    default:
      return null
  }
}
