import type { TimeBracket } from '@zhixing/ui'
import { describe, expect, it } from 'vitest'
import { drawBracket } from '../../src/screens/evidence/bracket'

const MINUTE = 60_000
const NOON = Date.UTC(2026, 10, 23, 4)
const bracket = (parts: Partial<TimeBracket>): TimeBracket => ({ not_before_ms: null, not_after_ms: null, estimate_ms: null, wall_ms: NOON, source: 'court', flags: [], ...parts })
const markOf = (drawn: ReturnType<typeof drawBracket>, kind: string) => {
  const mark = drawn.marks.find((one) => one.kind === kind)
  if (mark === undefined) throw new Error(`there is no mark ${kind}`)
  return mark
}

describe('drawing of a time bracket', () => {
  it('puts the ends, the estimate and the claim in order on one scale', () => {
    const drawn = drawBracket(bracket({ not_before_ms: NOON - 10 * MINUTE, estimate_ms: NOON - MINUTE, not_after_ms: NOON + 10 * MINUTE }))
    const places = ['not_before', 'estimate', 'wall', 'not_after'].map((kind) => markOf(drawn, kind).at)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(drawn.widthMs).toBe(20 * MINUTE)
    expect(markOf(drawn, 'wall').at).toBeCloseTo(0.5)
    expect(drawn.band).toEqual({ from: markOf(drawn, 'not_before').at, to: markOf(drawn, 'not_after').at, openBefore: false, openAfter: false })
    expect(drawn.marks.map((mark) => mark.outsideMs)).toEqual([0, 0, 0, 0])
  })

  it.each([['before', -1], ['after', 1]])('a claim ten years off stands at the edge %s and does not flatten the scale', (edge, sign) => {
    const tenYears = 3650 * 86_400_000
    const near = bracket({ not_before_ms: NOON - 10 * MINUTE, not_after_ms: NOON + 10 * MINUTE })
    const far = drawBracket({ ...near, wall_ms: NOON + sign * tenYears })
    expect(markOf(far, 'wall')).toMatchObject({ off: edge, at: sign < 0 ? 0 : 1, outsideMs: tenYears - 10 * MINUTE })
    expect(markOf(far, 'not_before').at).toBe(markOf(drawBracket(near), 'not_before').at)
  })

  it('a claim a little outside is still drawn in its place', () => {
    const drawn = drawBracket(bracket({ not_before_ms: NOON - 10 * MINUTE, not_after_ms: NOON + 10 * MINUTE, wall_ms: NOON + 25 * MINUTE }))
    const wall = markOf(drawn, 'wall')
    expect(wall).toMatchObject({ off: null, outsideMs: 15 * MINUTE })
    expect(wall.at).toBeGreaterThan(markOf(drawn, 'not_after').at)
  })

  it('an end that is not known stays open to the edge', () => {
    const drawn = drawBracket(bracket({ not_after_ms: NOON + MINUTE }))
    expect(drawn.band).toMatchObject({ from: 0, openBefore: true, openAfter: false })
    expect(drawn.widthMs).toBeNull()
    expect(drawn.marks.map((mark) => mark.kind)).toEqual(['not_after', 'wall'])
  })

  it('without trusted times there is no band, and no distance to it is invented', () => {
    const drawn = drawBracket(bracket({}))
    expect(drawn.band).toBeNull()
    expect(drawn.marks).toHaveLength(1)
    expect(markOf(drawn, 'wall')).toMatchObject({ off: null, outsideMs: null })
    expect(markOf(drawn, 'wall').at).toBeCloseTo(0.5)
  })

  it('ends at the same moment do not divide by nothing', () => {
    const drawn = drawBracket(bracket({ not_before_ms: NOON, not_after_ms: NOON, estimate_ms: NOON }))
    expect(drawn.marks.every((mark) => Number.isFinite(mark.at) && mark.at >= 0 && mark.at <= 1)).toBe(true)
    expect(drawn.widthMs).toBe(0)
  })
})
