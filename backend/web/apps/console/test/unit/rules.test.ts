import { useWords, type LawPeriod, type RuleRow, type Words } from '@zhixing/ui'
import { mount } from '@vue/test-utils'
import { defineComponent, h } from 'vue'
import { describe, expect, it } from 'vitest'
import { languages } from '../../src/locales'
import { dayOf, dutyOf, limitText, periodText } from '../../src/screens/rules/tell'

function words(): Words {
  let found: Words | null = null
  mount(defineComponent({ setup: () => { found = useWords(); return () => h('p') } }), { global: { plugins: [languages] } })
  if (found === null) throw new Error('the component was not set up')
  return found
}
const promptly = { n: 5, unit: 'working_day' }
const period = (from: string | null, until: string | null, overlay: number | null = null): LawPeriod => ({ from, until, pack_version: 2, pack_id: 'ab', overlay_version: overlay })

describe('limits in plain words', () => {
  it.each([
    [{ kind: 'within_after', n: 7, unit: 'day' }, '起算，限期 7 日'],
    [{ kind: 'periodic', n: 6, unit: 'month', occurrences: 10 }, '起每隔 6 个月，共 10 次'],
    [{ kind: 'promptly' }, '及时（本院按 5 个工作日）'],
    [{ kind: 'promptly', n: 2, unit: 'day' }, '及时（本院按 2 日）'],
    [{ kind: 'as_stated_in_order' }, '以文书所载为准'],
    [{ kind: 'none' }, '无期限'],
  ])('%j', (limit, text) => expect(limitText(limit, promptly, words())).toBe(text))

  it('gives the code of a kind it does not know rather than nothing', () => {
    expect(limitText({ kind: 'novel' }, promptly, words())).toContain('novel')
  })
})

describe('periods of the law', () => {
  it('say from when until when which pack and settings hold', () => {
    expect(periodText(period('2027-01-01', '2027-12-31', 3), words())).toMatch(/第 2 版.*2027-01-01.*起.*至 2027-12-31.*本院设定第 3 版/)
    expect(periodText(period(null, null), words())).toContain('此前')
  })

  it('are asked for by a day that lies in them', () => {
    expect([dayOf(period('2027-01-01', null)), dayOf(period(null, '2026-12-31')), dayOf(period(null, null))]).toEqual(['2027-01-01', '2026-12-31', ''])
  })
})

it('a duty is told in the language of the page', () => {
  const rule = { prompt_zh: '立案后七日内确定承办人。', duty: 'Name the officer.' } as RuleRow
  const found = words()
  expect(dutyOf(rule, found)).toEqual({ text: rule.prompt_zh, lang: 'zh-CN' })
})
