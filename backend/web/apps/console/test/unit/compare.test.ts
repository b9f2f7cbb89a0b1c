import type { Json, Named } from '@zhixing/ui'
import { describe, expect, it } from 'vitest'
import { compareFacts, distanceM, readExifAngle, readExifTime } from '../../src/screens/evidence/compare'

const TAKEN = Date.UTC(2026, 10, 23, 2, 21, 5)
const named = (values: Record<string, Json>): Named[] => Object.entries(values).map(([name, value]) => ({ name, value }))
const rowOf = (facts: Record<string, Json>, claims: Record<string, Json>, topic: string, imported = false) => {
  const row = compareFacts(named(facts), named(claims), null, imported).find((one) => one.topic === topic)
  if (row === undefined) throw new Error(`there is no row ${topic}`)
  return row
}
const PLACE = { lat_e7: 321_870_000, lon_e7: 1_058_910_000, accuracy_cm: 800 }
const NEAR = { latitude: '32 deg 11 min 13.2 sec', latitude_ref: 'N', longitude: '105 deg 53 min 27.6 sec', longitude_ref: 'E' }

describe('facts beside claims', () => {
  it('the same moment in another time zone is the same', () => {
    expect(rowOf({ estimate_ms: TAKEN }, { taken: '2026-11-22 18:21:05', taken_offset: '-08:00' }, 'time')).toMatchObject({ verdict: 'same', difference: { unit: 'ms', size: 0 }, zoneAssumed: false })
  })

  it('a claim without zone is read as Shanghai time, and that is said', () => {
    expect(rowOf({ estimate_ms: TAKEN }, { taken: '"2026:11:23 10:21:05"' }, 'time')).toMatchObject({ verdict: 'same', zoneAssumed: true })
  })

  it.each([[120, 'same'], [121, 'differs']])('%d seconds apart: %s', (seconds, verdict) => {
    expect(rowOf({ estimate_ms: TAKEN + seconds * 1000 }, { taken: '2026-11-23 10:21:05' }, 'time').verdict).toBe(verdict)
  })

  it('the estimate stands before the wall clock, which then has a row of its own', () => {
    const rows = compareFacts(named({ wall_ms: TAKEN + 9e9, estimate_ms: TAKEN }), named({ taken: '2026-11-23 10:21:05' }), null, false)
    expect(rows.map((row) => [row.topic, row.verdict])).toEqual([['time', 'same'], ['wall_ms', 'alone']])
  })

  it('without an estimate the wall clock is compared', () => {
    expect(rowOf({ wall_ms: TAKEN + 9e9 }, { taken: '2026-11-23 10:21:05' }, 'time').verdict).toBe('differs')
  })

  it('the time an imported file was sealed is not compared with the time it was made', () => {
    expect(rowOf({ estimate_ms: TAKEN }, { taken: '2020-01-01 00:00:00' }, 'time', true)).toMatchObject({ verdict: 'alone', facts: [] })
    expect(rowOf({ estimate_ms: TAKEN }, { taken: '2020-01-01 00:00:00' }, 'sealed', true)).toMatchObject({ verdict: 'alone', claims: [] })
  })

  it('a time that cannot be read differs rather than passes', () => {
    expect(rowOf({ estimate_ms: TAKEN }, { taken: 'yesterday' }, 'time')).toMatchObject({ verdict: 'differs', difference: { unit: 'text' } })
  })

  it('places within accuracy and 200 m are the same; 30 km are not', () => {
    expect(rowOf({ place: PLACE }, NEAR, 'place').verdict).toBe('same')
    const far = rowOf({ place: PLACE }, { ...NEAR, latitude: '32 deg 26 min 5.0 sec' }, 'place')
    expect(far.verdict).toBe('differs')
    expect(far.difference).toMatchObject({ unit: 'm' })
    expect((far.difference as { size: number }).size).toBeGreaterThan(27_000)
  })

  it('a southern claim is not taken for a northern one', () => {
    expect(rowOf({ place: PLACE }, { ...NEAR, latitude_ref: 'S' }, 'place').verdict).toBe('differs')
  })

  it('same names are compared as texts, and nothing is dropped', () => {
    const rows = compareFacts(named({ model: 'ALN-AL00', boot: 'x' }), named({ model: '"aln-al00"', orientation: '1' }), null, false)
    expect(rows.map((row) => [row.topic, row.verdict])).toEqual([['model', 'same'], ['boot', 'alone'], ['orientation', 'alone']])
    expect(rowOf({ media_type: 'image/jpeg' }, { media_type: 'image/png' }, 'media_type').verdict).toBe('differs')
  })
})

describe('reading of claims', () => {
  it.each(['2026-02-30 10:00:00', '2026-13-01 10:00:00', '', '20261123'])('%s is no time', (text) => expect(readExifTime(text, '+08:00')).toBeNull())

  it.each([
    ['32 deg 11 min 13.2 sec', 'N', 32.187],
    ['105.5', 'W', -105.5],
    ['200 deg', 'E', null],
    ['none', 'N', null],
  ])('%s %s is %s', (value, reference, angle) => {
    const read = readExifAngle(value, reference)
    if (angle === null) expect(read).toBeNull()
    else expect(read).toBeCloseTo(angle, 6)
  })

  it('a degree of latitude is about 111 km', () => {
    expect(distanceM({ latitude: 32, longitude: 105 }, { latitude: 33, longitude: 105 })).toBeCloseTo(111_195, -1)
  })
})
