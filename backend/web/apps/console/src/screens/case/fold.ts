import type { CaseEvent, Json, Words } from '@zhixing/ui'

/** An event, with those about its thumbnail folded under it. */
export interface Folded {
  event: CaseEvent
  under: CaseEvent[]
}

/** Puts events about a thumbnail under the event of its photo; one whose photo is not among them stays on its own. */
export function fold(events: CaseEvent[]): Folded[] {
  const shown = new Map<number, Folded>()
  for (const event of events) {
    const parent = typeof event.under === 'number' ? shown.get(event.under) : undefined
    if (parent === undefined) shown.set(event.seq, { event, under: [] })
    else parent.under.push(event)
  }
  return [...shown.values()]
}

/** Hidden members for reading: what a file claims of itself is listed one by one. Null was erased or withheld. */
export function membersOf(event: CaseEvent, words: Words): { name: string; value: Json }[] {
  return Object.entries(event.openings).flatMap(([name, opening]) => {
    const value = opening === null ? null : opening.value
    const label = words.word('member', name)
    if (name !== 'claims' || value === null || typeof value !== 'object' || Array.isArray(value)) return [{ name: label, value }]
    return Object.entries(value).map(([claim, claimed]) => ({ name: `${label} · ${words.word('fact', claim)}`, value: claimed }))
  })
}
