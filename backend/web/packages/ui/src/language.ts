import { createI18n } from 'vue-i18n'
import type { Language } from './format/time'

const STORED = 'zx.language'

export const LANGUAGES: readonly Language[] = ['zh-CN', 'en']

/** The language chosen on this computer before; Chinese where none was. */
export function rememberedLanguage(): Language {
  try {
    return localStorage.getItem(STORED) === 'en' ? 'en' : 'zh-CN'
  } catch {
    return 'zh-CN' // storage may be switched off; the choice then lasts as long as the page
  }
}

export function rememberLanguage(language: Language): void {
  document.documentElement.lang = language
  try {
    localStorage.setItem(STORED, language)
  } catch {
    // as above
  }
}

export type Messages = { [key: string]: string | Messages }

/** Every key of nested messages, as `a.b.c`. */
export function keysOf(messages: Messages, prefix = ''): string[] {
  return Object.entries(messages).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${prefix}${key}`] : keysOf(value, `${prefix}${key}.`),
  )
}

/** i18n with Chinese first and English second, from the same keys. */
export function makeLanguages(messages: Record<Language, Messages>) {
  const language = rememberedLanguage()
  rememberLanguage(language)
  return createI18n({
    legacy: false,
    locale: language,
    fallbackLocale: 'zh-CN',
    messages,
    missingWarn: import.meta.env.DEV,
    fallbackWarn: import.meta.env.DEV,
  })
}
