import type { Head } from '@zhixing/ui'

/** The head of a case; a bare hash is read as well as number and hash. */
export function headOf(head: Head | string | number | null): { seq: number | null; hash: string } | null {
  if (head === null || typeof head === 'number') return null
  return typeof head === 'string' ? { seq: null, hash: head } : head
}
