import type { TimeBracket } from '@zhixing/ui'

export type MarkKind = 'not_before' | 'estimate' | 'not_after' | 'wall'

export interface BracketMark {
  kind: MarkKind
  ms: number
  /** Place on the scale, 0 to 1. */
  at: number
  /** Too far away for the scale: drawn as an arrow at that edge. */
  off: 'before' | 'after' | null
  /** Distance to the nearer end of the bracket; 0 within it, null without a bracket. */
  outsideMs: number | null
}

export interface BracketDrawing {
  marks: BracketMark[]
  /** The stretch in which the item was made; an end that is not known runs to the edge. */
  band: { from: number; to: number; openBefore: boolean; openAfter: boolean } | null
  widthMs: number | null
}

/** A time further from the trusted ends than this many times their distance would flatten the drawing. */
const REACH = 3
/** Shortest stretch that is drawn: 1 minute. */
const LEAST_SPAN_MS = 60_000
/** Part of the scale left free on each side, so that open ends and edges can be seen. */
const MARGIN = 0.1

/** Places the four times of a bracket on one scale. The scale follows the trusted ends, never the claimed time. */
export function drawBracket(bracket: TimeBracket): BracketDrawing {
  const { not_before_ms: before, not_after_ms: after, estimate_ms: estimate, wall_ms: wall } = bracket
  const known = (values: (number | null)[]): number[] => values.filter((value): value is number => value !== null)
  const core = known([before, after]).length > 0 ? known([before, after]) : known([estimate]).length > 0 ? known([estimate]) : [wall]
  let [low, high] = [Math.min(...core), Math.max(...core)]
  const reach = Math.max(high - low, LEAST_SPAN_MS) * REACH
  const [lowest, highest] = [low - reach, high + reach]
  for (const value of known([estimate, wall])) {
    if (value >= lowest && value <= highest) [low, high] = [Math.min(low, value), Math.max(high, value)]
  }
  const lacking = Math.max(0, LEAST_SPAN_MS - (high - low)) / 2
  const [from, to] = [low - lacking, high + lacking]
  const place = (ms: number): number => Math.min(1, Math.max(0, MARGIN + ((ms - from) / (to - from)) * (1 - 2 * MARGIN)))
  const mark = (kind: MarkKind, ms: number | null): BracketMark[] => {
    if (ms === null) return []
    const off = ms < from ? 'before' : ms > to ? 'after' : null
    const early = before !== null && ms < before ? before - ms : 0
    const late = after !== null && ms > after ? ms - after : 0
    const at = off === 'before' ? 0 : off === 'after' ? 1 : place(ms)
    return [{ kind, ms, at, off, outsideMs: before === null && after === null ? null : Math.max(early, late) }]
  }
  const hasEnd = before !== null || after !== null
  return {
    marks: [...mark('not_before', before), ...mark('estimate', estimate), ...mark('not_after', after), ...mark('wall', wall)],
    band: hasEnd
      ? {
          from: before === null ? 0 : place(before),
          to: after === null ? 1 : place(after),
          openBefore: before === null,
          openAfter: after === null,
        }
      : null,
    widthMs: before !== null && after !== null ? after - before : null,
  }
}
