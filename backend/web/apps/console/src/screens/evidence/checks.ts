import type { Check, Words } from '@zhixing/ui'

const DETAILED = ['statement_hash', 'signature', 'bytes', 'receipt', 'log']

/** What was checked and with what; while it cannot be checked yet, what it waits for. Empty for a check of later versions. */
export function checkDetail(check: Check, words: Words): string {
  const { t, word } = words
  if (!DETAILED.includes(check.code)) return ''
  if (check.ok === null && check.code !== 'statement_hash' && check.code !== 'signature') return t(`check_waits.${check.code}`)
  const value = (name: string) => check.values?.[name] ?? null
  const text = (name: string): string => String(value(name) ?? '—')
  const at = value('at_ms')
  return t(`check_detail.${check.code}`, {
    key: text('key'),
    outcome: word('outcome', text('outcome')),
    at: typeof at === 'number' ? words.moment(at) : '—',
    index: text('log_index'),
    size: text('tree_size'),
  })
}
