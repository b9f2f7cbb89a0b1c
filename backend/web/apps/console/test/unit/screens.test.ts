import { useWords, type CaseEvent, type Court, type Json, type Words } from '@zhixing/ui'
import { mount } from '@vue/test-utils'
import { defineComponent, h } from 'vue'
import { describe, expect, it } from 'vitest'
import { languages } from '../../src/locales'
import { courtTree } from '../../src/screens/cases/courts'
import { describe as tell } from '../../src/screens/case/describe'
import { headOf } from '../../src/screens/case/head'
import { showValue } from '../../src/screens/evidence/show'

function words(): Words {
  let found: Words | null = null
  mount(defineComponent({ setup: () => { found = useWords(); return () => h('p') } }), { global: { plugins: [languages] } })
  if (found === null) throw new Error('the component was not set up')
  return found
}
const court = (word: string, parent: string | null): Court => ({ word, name: word, level: 'basic', parent })
const event = (kind: string, body: Json, openings: CaseEvent['openings'] = {}): CaseEvent => ({ seq: 1, at_ms: 0, occurred_on: '2026-11-23', kind, corrects: null, cause: '00', body, openings, actor: null })

describe('court tree', () => {
  it('puts courts below the court above them', () => {
    const tree = courtTree([court('川0811', '川08'), court('川', null), court('川08', '川'), court('川09', '川')])
    expect(tree.map(({ word, depth }) => [word, depth])).toEqual([['川', 0], ['川08', 1], ['川0811', 2], ['川09', 1]])
  })

  it('loses no court: neither one whose court above is not listed nor two that name each other', () => {
    expect(courtTree([court('川0811', '川08')]).map(({ word, depth }) => [word, depth])).toEqual([['川0811', 0]])
    expect(courtTree([court('a', 'b'), court('b', 'a'), court('c', 'c')]).map(({ word }) => word).sort()).toEqual(['a', 'b', 'c'])
  })
})

describe('events in plain words', () => {
  it('tells who joined in which role', () => {
    expect(tell(event('party.added', { role: 'respondent' }, { name: { salt: '00', value: '彭大勇' } }), words())).toBe('彭大勇列为被执行人。')
  })

  it('says that a name was erased rather than leaving a gap', () => {
    expect(tell(event('party.added', { role: 'applicant' }, { name: null }), words())).toBe('（姓名已删除或未开放）列为申请执行人。')
  })

  it('gives nothing for a kind it does not know, and survives bodies of another shape', () => {
    expect(tell(event('drone.flown', {}), words())).toBeNull()
    expect(tell(event('evidence.sealed', null), words())).toContain('封存')
    expect(tell(event('evidence.received', { outcome: 'novel' }), words())).toBe('法院收到一件证据的文件。')
  })
})

describe('values', () => {
  it.each<[string, Json, string]>([
    ['wall_ms', Date.UTC(2026, 10, 23, 2, 21, 5), '2026-11-23 周一 10:21:05'],
    ['elapsed_ms', 951_000, '15 分 51 秒'],
    ['size_bytes', 2048, '2.0 KiB (2,048 B)'],
    ['place', { lat_e7: 321_870_000, lon_e7: -1_058_910_000, accuracy_cm: 800, mock: true }, '32.1870000° N, 105.8910000° W ±8 m （设备报告为模拟位置）'],
    ['source', 'recorder', '执法记录仪'],
    ['novel', { b: 1, a: [2] }, '{"a":[2],"b":1}'],
    ['recovered', true, '是'],
    ['text', null, '—'],
  ])('%s', (name, value, text) => expect(showValue(name, value, words())).toBe(text))
})

describe('head of a case', () => {
  it('is read as a bare hash as well as with its number', () => {
    expect(headOf('ab')).toEqual({ seq: null, hash: 'ab' })
    expect(headOf({ seq: 3, hash: 'ab' })).toEqual({ seq: 3, hash: 'ab' })
    expect([headOf(null), headOf(7)]).toEqual([null, null])
  })
})
