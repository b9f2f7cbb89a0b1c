import { describe, expect, it } from 'vitest'
import { originalName, pathSides, pemOf, rootOf } from '../../src/screens/evidence/selfcheck'

describe('inclusion path', () => {
  // Worked out by hand on the tree of RFC 9162 §2.1.5 with seven leaves.
  it.each([
    [0, 7, 3, ['right', 'right', 'right']],
    [3, 7, 3, ['left', 'left', 'right']],
    [4, 7, 3, ['right', 'right', 'left']],
    [6, 7, 2, ['left', 'left']],
    [0, 1, 0, []],
    [2 ** 40, 2 ** 40 + 1, 1, ['left']],
  ])('leaf %d of %d with %d hashes', (index, size, count, sides) => expect(pathSides(index, size, count)).toEqual(sides))

  it.each([
    [7, 7, 3],
    [-1, 7, 3],
    [0, 7, 2],
    [0, 7, 4],
    [0, 0, 0],
    [0.5, 7, 3],
  ])('leaf %d of %d with %d hashes is refused', (index, size, count) => expect(() => pathSides(index, size, count)).toThrow(RangeError))
})

describe('files', () => {
  it('a public key becomes PEM with lines of 64 characters', () => {
    const pem = pemOf('00'.repeat(91))
    const lines = pem.trimEnd().split('\n')
    expect([lines[0], lines.at(-1)]).toEqual(['-----BEGIN PUBLIC KEY-----', '-----END PUBLIC KEY-----'])
    expect(lines.slice(1, -1).map((line) => line.length)).toEqual([64, 60])
    expect(() => pemOf('0G')).toThrow(RangeError)
  })

  it('the root is the third line of a checkpoint', () => expect(rootOf('log\n7\nROOT=\n\n— log sig\n')).toBe('ROOT='))

  it('an unknown media type still has a name', () => {
    expect(originalName('image/jpeg')).toBe('original.jpg')
    expect(originalName('application/x-unknown')).toBe('original.bin')
  })
})
