import { keysOf, PROBLEM_KINDS, sharedMessages, type Messages } from '@zhixing/ui'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { messages } from '../../src/locales'
import { en } from '../../src/locales/en'
import { zhCN } from '../../src/locales/zh-CN'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const textOf = (tree: Messages, key: string): string => key.split('.').reduce<Messages | string>((node, part) => (typeof node === 'string' ? node : (node[part] ?? '')), tree) as string
const slots = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()

describe('languages', () => {
  it('have the same keys', () => {
    expect(keysOf(messages.en).sort()).toEqual(keysOf(messages['zh-CN']).sort())
  })

  it('no group of the screens hides one of the shared vocabulary', () => {
    for (const [screens, shared] of [[zhCN, sharedMessages['zh-CN']], [en, sharedMessages.en]] as const) {
      expect(Object.keys(screens).filter((group) => group in shared)).toEqual([])
    }
  })

  it('have a text for every key, with the same slots', () => {
    for (const key of keysOf(messages['zh-CN'])) {
      const [chinese, english] = [textOf(messages['zh-CN'], key), textOf(messages.en, key)]
      expect(chinese.trim() !== '' && english.trim() !== '', key).toBe(true)
      expect(slots(english), key).toEqual(slots(chinese))
    }
  })

  it('English texts have no Chinese, but for examples of case numbers', () => {
    const found = keysOf(messages.en).filter((key) => /\p{Script=Han}/u.test(textOf(messages.en, key).replace('执123', '')))
    expect(found).toEqual([])
  })

  it('no text holds a sign that has a meaning for the library', () => {
    for (const tree of Object.values(messages)) {
      expect(keysOf(tree).filter((key) => /[@|]/.test(textOf(tree, key)))).toEqual([])
    }
  })

  it('every problem says what happened and what to do next', () => {
    const keys = new Set(keysOf(messages['zh-CN']))
    for (const kind of PROBLEM_KINDS) expect([keys.has(`problem.${kind}.what`), keys.has(`problem.${kind}.next`)], kind).toEqual([true, true])
  })

  it('every key that a page names exists', () => {
    const keys = new Set(keysOf(messages['zh-CN']))
    const missing: string[] = []
    for (const folder of ['../../src', '../../../../packages/ui/src']) {
      for (const file of readdirSync(at(folder), { recursive: true, encoding: 'utf8' })) {
        if (!/\.(vue|ts)$/.test(file)) continue
        for (const found of readFileSync(at(`${folder}/${file}`), 'utf8').matchAll(/\bt\('([a-z_.A-Z0-9]+)'/g)) {
          if (!keys.has(found[1] ?? '')) missing.push(`${file}: ${found[1]}`)
        }
      }
    }
    expect(missing).toEqual([])
  })
})
