import { describe, expect, it } from 'vitest'
import { formatAge, formatBytes, formatClock, formatCount, formatDate, formatFen, formatMoment, formatSpan, formatWan, shanghaiDate } from '../src'

describe('money', () => {
  it.each([
    [0, '¥0.00'],
    [1, '¥0.01'],
    [99, '¥0.99'],
    [2_000_000, '¥20,000.00'],
    [123_456_789, '¥1,234,567.89'],
    [-15_005, '−¥150.05'],
    [Number.MAX_SAFE_INTEGER, '¥90,071,992,547,409.91'],
  ])('%d fen is %s', (fen, text) => expect(formatFen(fen)).toBe(text))

  it.each([
    [999_999, null],
    [1_000_000, '1'],
    [123_456_789, '123.456789'],
    [88_000_300, '88.0003'],
    [-2_500_000, '−2.5'],
  ])('%d fen is %s 万元', (fen, text) => expect(formatWan(fen)).toBe(text))

  it('a part of a fen is refused, not rounded', () => {
    expect(() => formatFen(1.5)).toThrow(RangeError)
    expect(() => formatWan(2 ** 53)).toThrow(RangeError)
  })
})

describe('time in Shanghai', () => {
  const lateEvening = Date.UTC(2026, 10, 22, 16, 30, 5)

  it('is another day than in Greenwich after 16:00', () => {
    expect(shanghaiDate(lateEvening)).toBe('2026-11-23')
    expect(formatMoment(lateEvening, 'zh-CN')).toBe('2026-11-23 周一 00:30:05')
    expect(formatMoment(lateEvening, 'en')).toBe('2026-11-23 Mon 00:30:05')
    expect(formatClock(lateEvening)).toBe('00:30')
  })

  it('knows the summer time that Shanghai had until 1991', () => {
    expect(formatMoment(Date.UTC(1990, 6, 1, 0, 0, 0), 'zh-CN')).toBe('1990-07-01 周日 09:00:00')
  })

  it('names the weekday of a date and leaves other texts alone', () => {
    expect(formatDate('2020-03-10', 'zh-CN')).toBe('2020-03-10 周二')
    expect(formatDate('2020-03-10', 'en')).toBe('2020-03-10 Tue')
    expect(formatDate('unknown', 'en')).toBe('unknown')
    expect(formatDate('2020-13-45', 'en')).toBe('2020-13-45')
  })

  it.each([
    [0, '0 毫秒'],
    [999, '999 毫秒'],
    [59_999, '59 秒'],
    [245_000, '4 分 05 秒'],
    [3_600_000, '1 小时'],
    [3_900_000, '1 小时 05 分'],
    [183_600_000, '2 天 3 小时'],
    [-60_000, '1 分'],
  ])('%d ms is %s', (ms, text) => expect(formatSpan(ms, 'zh-CN')).toBe(text))

  it('tells an age in the largest unit that fits', () => {
    expect(formatAge(0, 3 * 86_400_000 + 5, 'zh-CN')).toBe('3天前')
    expect(formatAge(0, 90_000, 'en')).toBe('1 minute ago')
    expect(formatAge(7_300_000, 0, 'en')).toBe('in 2 hours')
  })
})

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [12_373_196, '11.8 MiB'],
    [4 * 2 ** 30, '4.0 GiB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it('counts have separators', () => expect(formatCount(1234567)).toBe('1,234,567'))
})
