import { describe, expect, it } from 'vitest'
import { readYuan } from '../../src/screens/case/yuan'

describe('yuan as people type them', () => {
  it.each([
    ['1', 100],
    ['0.01', 1],
    ['20000.5', 2_000_050],
    ['20,000.50', 2_000_050],
    ['¥ 1 234', 123_400],
    ['１２３．４５', 12_345],
    ['0.29', 29],
    ['1.15', 115],
  ])('%s is %d fen', (text, fen) => expect(readYuan(text)).toBe(fen))

  it.each(['', '0', '0.00', '-1', '1.234', '1e3', 'abc', '1.', '.5', '999999999999999'])('%s is none', (text) => expect(readYuan(text)).toBeNull())
})
