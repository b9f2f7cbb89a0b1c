import { useI18n } from 'vue-i18n'
import { formatAge, formatDate, formatMoment, formatSpan, type Language } from './format/time'

/** Texts of the current language. Codes that are not in the vocabulary are shown as they are, never dropped. */
export function useWords() {
  const { t, te, locale } = useI18n()
  const language = (): Language => (locale.value === 'en' ? 'en' : 'zh-CN')
  return {
    t,
    locale,
    language,
    /** The word for a code of the vocabulary `group`; the code itself where there is none. */
    word: (group: string, code: string): string => {
      const key = `${group}.${code.replaceAll('.', '_')}`
      return te(key, 'zh-CN') ? t(key) : code
    },
    moment: (ms: number): string => formatMoment(ms, language()),
    date: (date: string): string => formatDate(date, language()),
    age: (ms: number, nowMs = Date.now()): string => formatAge(ms, nowMs, language()),
    span: (ms: number): string => formatSpan(ms, language()),
  }
}

export type Words = ReturnType<typeof useWords>
