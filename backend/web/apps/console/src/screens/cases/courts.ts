import type { Court } from '@zhixing/ui'

export interface CourtInTree extends Court {
  /** 0 for a court without a court above it in the list. */
  depth: number
}

/** Courts below the court above them, in the server's order; a court whose court above is not listed stands on top. */
export function courtTree(courts: Court[]): CourtInTree[] {
  const listed = new Set(courts.map((court) => court.word))
  const below = new Map<string | null, Court[]>()
  for (const court of courts) {
    const above = court.parent !== null && listed.has(court.parent) && court.parent !== court.word ? court.parent : null
    below.set(above, [...(below.get(above) ?? []), court])
  }
  const placed = new Set<string>()
  const place = (above: string | null, depth: number): CourtInTree[] =>
    (below.get(above) ?? []).flatMap((court) => {
      if (placed.has(court.word)) return []
      placed.add(court.word)
      return [{ ...court, depth }, ...place(court.word, depth + 1)]
    })
  const tree = place(null, 0)
  // Courts that name each other as the court above are not reached from the top; they are listed all the same.
  return [...tree, ...courts.filter((court) => !placed.has(court.word)).map((court) => ({ ...court, depth: 0 }))]
}
