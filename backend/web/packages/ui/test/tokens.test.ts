import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

// Read as a file: the test runner leaves style sheets that are imported empty.
const css = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../src/styles/tokens.css'), 'utf8')

function colour(name: string): string {
  const found = new RegExp(`--zx-${name}:\\s*(#[0-9a-f]{6})`).exec(css)?.[1]
  if (found === undefined) throw new Error(`there is no colour ${name}`)
  return found
}

/** Relative luminance (WCAG 2.2). */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((one, other) => other - one)
  return (light + 0.05) / (dark + 0.05)
}

const TEXT: [string, string[]][] = [
  ['ink', ['page', 'surface', 'sunken', 'brand-soft', 'warn-soft', 'bad-soft']],
  ['ink-soft', ['page', 'surface', 'sunken', 'brand-soft', 'bad-soft']],
  ['ink-faint', ['surface']],
  ['brand', ['page', 'surface', 'sunken', 'brand-soft']],
  ['good', ['surface', 'good-soft']],
  ['warn', ['surface', 'warn-soft']],
  ['bad', ['surface', 'bad-soft']],
  ['claim', ['surface', 'claim-soft', 'warn-soft']],
  ['on-brand', ['brand', 'brand-strong']],
  ['on-brand-soft', ['brand-strong']],
]

describe('colours', () => {
  it.each(TEXT.flatMap(([text, surfaces]) => surfaces.map((surface) => [text, surface] as const)))('%s on %s can be read: 4.5 to 1', (text, surface) => {
    expect(contrast(colour(text), colour(surface))).toBeGreaterThanOrEqual(4.5)
  })

  it.each([['line-strong', 'surface'], ['focus', 'surface'], ['focus', 'page']])('%s on %s can be seen: 3 to 1', (mark, surface) => {
    expect(contrast(colour(mark), colour(surface))).toBeGreaterThanOrEqual(3)
  })

  it('black on white is 21 to 1, as the standard says', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
  })
})
