import type { LawPeriod, RuleLimit, RuleRow, Words } from '@zhixing/ui'

/** How long a rule gives, in words. */
export function limitText(limit: RuleLimit, promptly: RuleRow['promptly'], words: Words): string {
  const { t, word } = words
  if (limit.kind === 'promptly') {
    const unit = word('limit_unit', limit.unit ?? promptly.unit)
    return t('rules.promptly', { n: limit.n ?? promptly.n, unit })
  }
  if (limit.kind === 'none') return t('rules.no_limit')
  if (limit.n === undefined || limit.unit === undefined) {
    return limit.kind.startsWith('as_stated') ? t('rules.stated') : word('limit_kind', limit.kind)
  }
  const length = t('rules.length', { kind: word('limit_kind', limit.kind), n: limit.n, unit: word('limit_unit', limit.unit) })
  return limit.occurrences === undefined ? length : length + t('rules.repeated', { count: limit.occurrences })
}

/** The days of a period, and which pack and settings hold on them. */
export function periodText(period: LawPeriod, words: Words): string {
  const { t } = words
  const from = period.from === null ? null : t('rules.from', { from: words.date(period.from) })
  const until = period.until === null ? null : t('rules.until', { until: words.date(period.until) })
  const days = [from, until].filter((part) => part !== null).join(' ') || t('rules.since_ever')
  const pack = t('rules.period_of', { version: period.pack_version, days })
  return period.overlay_version === null ? pack : pack + t('rules.period_overlay', { version: period.overlay_version })
}

/** A day of a period, to ask for it by; the newest period is asked for by no day at all. */
export function dayOf(period: LawPeriod): string {
  return period.from ?? period.until ?? ''
}

/** The duty in the page's language. */
export function dutyOf(rule: RuleRow, words: Words): { text: string; lang: string } {
  return words.language() === 'zh-CN' ? { text: rule.prompt_zh, lang: 'zh-CN' } : { text: rule.duty, lang: 'en' }
}
