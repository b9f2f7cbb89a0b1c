import { canonicalText } from '@zhixing/sign'
import { formatBytes, formatCount, type Json, type Words } from '@zhixing/ui'
import { readPlace } from './compare'

function degrees(value: number, plus: string, minus: string): string {
  return `${Math.abs(value).toFixed(7)}° ${value < 0 ? minus : plus}`
}

/** A value for reading; the unit is in its name. */
export function showValue(name: string, value: Json, words: Words): string {
  const { t, word } = words
  if (value === null) return '—'
  if (typeof value === 'boolean') return t(value ? 'fact.yes' : 'fact.no')
  if (typeof value === 'number') {
    if (name === 'elapsed_ms' || name === 'duration_ms') return words.span(value)
    if (name.endsWith('_ms')) return words.moment(value)
    if (name.endsWith('_bytes')) return `${formatBytes(value)} (${formatCount(value)} B)`
    return String(value)
  }
  if (typeof value === 'string') {
    if (name === 'source') return word('import_source', value)
    if (name === 'kind') return word('media_kind', value)
    return value.replace(/^"+|"+$/g, '')
  }
  const place = readPlace(value)
  if (place !== null) {
    const accuracy = place.accuracyM === null ? '' : ` ±${place.accuracyM} m`
    const mock = !Array.isArray(value) && value.mock === true ? ` ${t('facts.mock')}` : ''
    return `${degrees(place.latitude, 'N', 'S')}, ${degrees(place.longitude, 'E', 'W')}${accuracy}${mock}`
  }
  return canonicalText(value)
}
