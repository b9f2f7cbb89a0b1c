import { useWords, type CaseEvent, type Check, type Words } from '@zhixing/ui'
import { mount } from '@vue/test-utils'
import { defineComponent, h } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import { languages } from '../../src/locales'
import { fold, membersOf } from '../../src/screens/case/fold'
import { checkDetail } from '../../src/screens/evidence/checks'

function words(): Words {
  let found: Words | null = null
  mount(defineComponent({ setup: () => { found = useWords(); return () => h('p') } }), { global: { plugins: [languages] } })
  if (found === null) throw new Error('the component was not set up')
  return found
}
const event = (seq: number, under: number | null, openings: CaseEvent['openings'] = {}): CaseEvent => ({ seq, at_ms: 0, occurred_on: '2026-11-23', kind: 'evidence.sealed', corrects: null, cause: '00', body: {}, openings, actor: null, under })

describe('events of thumbnails', () => {
  it('stand under their photo, in order, and no event is lost', () => {
    const folded = fold([event(1, null), event(2, null), event(3, 1), event(4, 2), event(5, 1), event(6, null)])
    expect(folded.map(({ event: { seq }, under }) => [seq, under.map((one) => one.seq)])).toEqual([[1, [3, 5]], [2, [4]], [6, []]])
  })

  it('stand on their own where the photo is not among the events', () => {
    expect(fold([event(8, 2), event(9, 8)]).map(({ event: { seq } }) => seq)).toEqual([8])
    expect(fold([event(8, 2)]).map(({ event: { seq } }) => seq)).toEqual([8])
  })
})

describe('hidden members', () => {
  it('list the claims of a file one by one, and keep what was erased', () => {
    const shown = membersOf(event(1, null, { claims: { salt: '00', value: { make: 'HUAWEI', novel: 7 } }, text: null }), words())
    expect(shown.map(({ value }) => value)).toEqual(['HUAWEI', 7, null])
    expect(shown[0]?.name).not.toContain('make')
    expect(shown[1]?.name).toContain('novel')
    expect(membersOf(event(1, null, { claims: { salt: '00', value: null } }), words())).toHaveLength(1)
  })
})

describe('details of checks', () => {
  const locale = languages.global.locale as unknown as { value: string }
  afterEach(() => { locale.value = 'zh-CN' })
  const check = (code: string, ok: boolean | null, values: Check['values'] = {}): Check => ({ code, ok, values })

  it('are sentences of the page in both languages, made of the values', () => {
    const log = check('log', true, { log_index: 41, tree_size: 97 })
    expect(checkDetail(log, words())).toBe('位于日志第 41 位（日志长 97），检查点签名一并核对')
    locale.value = 'en'
    expect(checkDetail(log, words())).toBe('At place 41 of a log of 97, with the signature of the checkpoint')
  })

  it('name the outcome and the moment in words', () => {
    expect(checkDetail(check('bytes', false, { outcome: 'mismatch' }), words())).toContain('与声明不符')
    expect(checkDetail(check('receipt', true, { at_ms: Date.UTC(2026, 10, 23, 2, 21, 5) }), words())).toContain('2026-11-23')
  })

  it('say what is waited for, and leave out what a later server checks', () => {
    expect(checkDetail(check('receipt', null), words())).toBe('原件核验后才签发回执')
    expect(checkDetail(check('moon', true, { phase: 1 }), words())).toBe('')
  })
})
