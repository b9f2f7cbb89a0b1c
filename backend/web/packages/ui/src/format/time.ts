/** All pages show this zone, whatever the computer is set to. */
export const ZONE = 'Asia/Shanghai'

const DAY_MS = 86_400_000
const WEEKDAYS = {
  'zh-CN': ['周日', '周一', '周二', '周三', '周四', '周五', '周六'],
  en: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'],
} as const

export type Language = keyof typeof WEEKDAYS

const clock = new Intl.DateTimeFormat('en-GB', {
  timeZone: ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

function parts(ms: number): Record<string, string> {
  return Object.fromEntries(clock.formatToParts(new Date(ms)).map((part) => [part.type, part.value]))
}

function weekday(date: string, language: Language): string {
  return WEEKDAYS[language][new Date(`${date}T00:00:00Z`).getUTCDay()] ?? ''
}

/** The day in Shanghai: `YYYY-MM-DD`. */
export function shanghaiDate(ms: number): string {
  const { year, month, day } = parts(ms)
  return `${year}-${month}-${day}`
}

/** `2026-11-23 周一`; a text that is no date is given back as it is. */
export function formatDate(date: string, language: Language): string {
  const valid = /^\d{4}-\d{2}-\d{2}$/.test(date) && !Number.isNaN(Date.parse(`${date}T00:00:00Z`))
  return valid ? `${date} ${weekday(date, language)}` : date
}

/** `2026-11-23 周一 16:03:33`, 24 hours, in Shanghai. */
export function formatMoment(ms: number, language: Language): string {
  const date = shanghaiDate(ms)
  const { hour, minute, second } = parts(ms)
  return `${date} ${weekday(date, language)} ${hour}:${minute}:${second}`
}

/** `16:03`, in Shanghai. */
export function formatClock(ms: number): string {
  const { hour, minute } = parts(ms)
  return `${hour}:${minute}`
}

/** How long ago or ahead, in the largest unit that fits: `3 天前`. Only ever shown beside the absolute time. */
export function formatAge(ms: number, nowMs: number, language: Language): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  const away = ms - nowMs
  const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 365 * DAY_MS],
    ['month', 30 * DAY_MS],
    ['day', DAY_MS],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ]
  for (const [unit, size] of units) {
    if (Math.abs(away) >= size) return words.format(Math.trunc(away / size), unit)
  }
  return words.format(Math.trunc(away / 1000), 'second')
}

/** A length of time in at most two units: `4 分 05 秒`, `2 天 3 小时`. */
export function formatSpan(ms: number, language: Language): string {
  const names =
    language === 'zh-CN' ? { d: ' 天', h: ' 小时', m: ' 分', s: ' 秒', ms: ' 毫秒' } : { d: ' d', h: ' h', m: ' min', s: ' s', ms: ' ms' }
  const size = Math.abs(ms)
  if (size < 1000) return `${size}${names.ms}`
  const seconds = Math.floor(size / 1000)
  const [d, h, m, s] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (value: number) => String(value).padStart(2, '0')
  if (d > 0) return `${d}${names.d}${h > 0 ? ` ${h}${names.h}` : ''}`
  if (h > 0) return `${h}${names.h}${m > 0 ? ` ${two(m)}${names.m}` : ''}`
  if (m > 0) return `${m}${names.m}${s > 0 ? ` ${two(s)}${names.s}` : ''}`
  return `${s}${names.s}`
}
