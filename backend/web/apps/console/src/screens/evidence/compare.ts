import type { Json, Named } from '@zhixing/ui'

/** Times this far apart differ: the protocol flags a clock from 2 minutes on. */
export const TIME_TOLERANCE_MS = 2 * 60_000
/** Places this far apart differ, beyond the accuracy that the device gave: 200 m, a village lane. */
export const PLACE_TOLERANCE_M = 200
/** EXIF times without an offset are read as Shanghai time. */
const SHANGHAI_OFFSET_MS = 8 * 3_600_000

export type Verdict = 'same' | 'differs' | 'alone'

/** How two values differ, with the unit it is measured in. */
export type Difference = { unit: 'ms'; size: number } | { unit: 'm'; size: number } | { unit: 'text' } | null

export interface Comparison {
  topic: string
  /** Name and value as the device recorded them; several where one fact is made of parts. */
  facts: Named[]
  claims: Named[]
  verdict: Verdict
  difference: Difference
  /** The claim has no time zone and was read as Shanghai time. */
  zoneAssumed: boolean
}

export interface Place {
  latitude: number
  longitude: number
  accuracyM: number | null
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value.replace(/^"+|"+$/g, '').trim() : typeof value === 'number' ? String(value) : ''
}

/** `2026-11-23 10:21:05` or with colons in the date, and an offset such as `+08:00`; null for anything else. */
export function readExifTime(taken: Json | undefined, offset: Json | undefined): { ms: number; zoneAssumed: boolean } | null {
  const found = /^(\d{4})[:-](\d{2})[:-](\d{2})[ T](\d{2}):(\d{2}):(\d{2})/.exec(textOf(taken))
  if (found === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number)
  const utc = Date.UTC(year, month - 1, day, hour, minute, second)
  const calendar = new Date(utc)
  if (calendar.getUTCMonth() !== month - 1 || calendar.getUTCDate() !== day) return null
  const zone = /^([+-])(\d{2}):?(\d{2})$/.exec(textOf(offset))
  if (zone === null) return { ms: utc - SHANGHAI_OFFSET_MS, zoneAssumed: true }
  const away = (Number(zone[2]) * 60 + Number(zone[3])) * 60_000
  return { ms: utc - (zone[1] === '-' ? -away : away), zoneAssumed: false }
}

/** Degrees from `32 deg 19 min 12.3 sec`, `32/1, 19/1, 12/1` in decimal, or a number; with N, S, E or W. */
export function readExifAngle(value: Json | undefined, reference: Json | undefined): number | null {
  const numbers = (textOf(value).match(/-?\d+(\.\d+)?/g) ?? []).map(Number)
  const [degrees, minutes = 0, seconds = 0] = numbers
  if (degrees === undefined || numbers.length > 3) return null
  const size = Math.abs(degrees) + minutes / 60 + seconds / 3600
  const sign = /^[SW]/i.test(textOf(reference)) || degrees < 0 ? -1 : 1
  return size <= 180 ? sign * size : null
}

/** A place as devices record it: integers ×1e7 with accuracy in centimetres. */
export function readPlace(value: Json | undefined): Place | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
  const number = (...names: string[]): number | null => {
    const found = names.map((name) => value[name]).find((member) => typeof member === 'number')
    return typeof found === 'number' ? found : null
  }
  const latitude = number('lat_e7', 'latitude_e7')
  const longitude = number('lon_e7', 'lng_e7', 'longitude_e7')
  if (latitude === null || longitude === null) return null
  const accuracy = number('accuracy_cm')
  return { latitude: latitude / 1e7, longitude: longitude / 1e7, accuracyM: accuracy === null ? null : accuracy / 100 }
}

/** Great-circle distance in metres on a sphere of 6,371,008.8 m. */
export function distanceM(a: Pick<Place, 'latitude' | 'longitude'>, b: Pick<Place, 'latitude' | 'longitude'>): number {
  const rad = Math.PI / 180
  const half = (angle: number): number => Math.sin((angle * rad) / 2) ** 2
  const part = half(b.latitude - a.latitude) + Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * half(b.longitude - a.longitude)
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(part)))
}

/**
 * Sets what the device recorded beside what the file says of itself. A difference is shown, never judged: either side
 * may be wrong, and nothing is refused for it. An imported file was sealed long after it was made, so that those two
 * times are not compared.
 */
export function compareFacts(facts: Named[], claims: Named[], estimateMs: number | null, imported: boolean): Comparison[] {
  const used = new Set<Named>()
  const take = (list: Named[], ...names: string[]): Named[] => {
    const found = list.filter((entry) => names.includes(entry.name))
    found.forEach((entry) => used.add(entry))
    return found
  }
  const valueIn = (list: Named[], name: string): Json | undefined => list.find((entry) => entry.name === name)?.value
  const rows: Comparison[] = []
  const add = (topic: string, ours: Named[], theirs: Named[], difference: Difference, differs: boolean, zoneAssumed = false): void => {
    const verdict: Verdict = ours.length === 0 || theirs.length === 0 ? 'alone' : differs ? 'differs' : 'same'
    if (ours.length + theirs.length > 0) rows.push({ topic, facts: ours, claims: theirs, verdict, difference, zoneAssumed })
  }

  const byTime = (topic: string, ours: Named[], theirs: Named[], claimed: { ms: number; zoneAssumed: boolean } | null): void => {
    const value = ours[0]?.value
    const apart = typeof value === 'number' && claimed !== null ? Math.abs(value - claimed.ms) : null
    const unread = theirs.length > 0 && claimed === null
    add(topic, ours, theirs, apart === null ? (unread ? { unit: 'text' } : null) : { unit: 'ms', size: apart }, unread || (apart ?? 0) > TIME_TOLERANCE_MS, claimed?.zoneAssumed)
  }
  const estimate = take(facts, 'estimate_ms')
  const wall = facts.filter((entry) => entry.name === 'wall_ms')
  const made = estimate.length > 0 ? estimate : estimateMs !== null ? [{ name: 'estimate_ms', value: estimateMs }] : wall
  if (made === wall) wall.forEach((entry) => used.add(entry))
  const taken = take(claims, 'taken', 'taken_offset')
  const takenAt = readExifTime(valueIn(claims, 'taken'), valueIn(claims, 'taken_offset'))
  if (imported) {
    add('sealed', made, [], null, false)
    add('time', [], taken, null, false, takenAt?.zoneAssumed)
  } else {
    byTime('time', made, taken, takenAt)
  }

  const fixed = `${textOf(valueIn(claims, 'gps_date'))} ${textOf(valueIn(claims, 'gps_time'))}`
  byTime('gnss', take(facts, 'gnss_ms'), take(claims, 'gps_date', 'gps_time'), readExifTime(fixed, '+00:00'))

  const place = readPlace(valueIn(facts, 'place'))
  const latitude = readExifAngle(valueIn(claims, 'latitude'), valueIn(claims, 'latitude_ref'))
  const longitude = readExifAngle(valueIn(claims, 'longitude'), valueIn(claims, 'longitude_ref'))
  const away = place !== null && latitude !== null && longitude !== null ? distanceM(place, { latitude, longitude }) : null
  add(
    'place',
    take(facts, 'place'),
    take(claims, 'latitude', 'latitude_ref', 'longitude', 'longitude_ref'),
    away === null ? null : { unit: 'm', size: Math.round(away) },
    (away ?? 0) > PLACE_TOLERANCE_M + (place?.accuracyM ?? 0),
  )

  for (const fact of facts.filter((entry) => !used.has(entry))) {
    const claim = claims.filter((entry) => !used.has(entry) && entry.name === fact.name)
    claim.forEach((entry) => used.add(entry))
    const differs = claim.some((entry) => textOf(entry.value).toLowerCase() !== textOf(fact.value).toLowerCase())
    add(fact.name, [fact], claim, differs ? { unit: 'text' } : null, differs)
  }
  for (const claim of claims.filter((entry) => !used.has(entry))) add(claim.name, [], [claim], null, false)
  return rows
}
