import type { DutyPrompt, Words } from '@zhixing/ui'

/** A date or time of law: dates as dates, times to the minute. */
export function momentText(moment: string, words: Words): string {
  const [date = '', time] = moment.split('T')
  return time === undefined ? words.date(date) : `${words.date(date)} ${time.slice(0, 5)}`
}

/** The date of a prompt, and how far away it is. */
export function dueText(prompt: DutyPrompt, words: Words): string {
  const { t } = words
  if (prompt.standing === 'waiting' && prompt.earliest !== null) {
    return t('duties.from', { date: momentText(prompt.earliest, words) })
  }
  if (prompt.due === null || prompt.days_left === null) return t('duties.no_date')
  const date = momentText(prompt.due, words)
  if (prompt.days_left < 0) return t('duties.past', { date, days: -prompt.days_left })
  return prompt.days_left === 0 ? t('duties.today', { date }) : t('duties.left', { date, days: prompt.days_left })
}

/** How the date came about, in one sentence a step. */
export function countedHow(prompt: DutyPrompt, words: Words): string {
  const { t, word } = words
  const count = prompt.computation
  const steps = [t('duties.how.from', { date: momentText(count.counted_from, words), seq: count.trigger_seq })]
  if (count.n !== null && count.unit !== null) {
    steps.push(t('duties.how.length', { kind: word('limit_kind', count.kind), n: count.n, unit: word('limit_unit', count.unit) }))
  }
  for (const [from, to] of count.pauses) {
    steps.push(t('duties.how.pause', { from: words.date(from), to: words.date(to) }))
  }
  if (count.moved_from !== null) steps.push(t('duties.how.moved', { date: words.date(count.moved_from) }))
  if (prompt.soft_limit) steps.push(t('duties.how.soft'))
  if (count.provisional) steps.push(t('duties.how.provisional'))
  if (count.problem !== null) steps.push(t('duties.how.problem', { code: count.problem }))
  return steps.join('')
}

/** What happens if the duty is missed, in the page's language where the rule pack has it. */
export function missed(prompt: DutyPrompt, words: Words): { text: string; lang: string } {
  const chinese = words.language() === 'zh-CN' && prompt.on_miss_zh !== ''
  return chinese ? { text: prompt.on_miss_zh, lang: 'zh-CN' } : { text: prompt.on_miss, lang: 'en' }
}
