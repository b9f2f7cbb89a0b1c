import { makeLanguages, sharedMessages, type Language, type Messages } from '@zhixing/ui'
import { en } from './en'
import { zhCN } from './zh-CN'

export const messages: Record<Language, Messages> = {
  'zh-CN': { ...sharedMessages['zh-CN'], ...zhCN },
  en: { ...sharedMessages.en, ...en },
}

export const languages = makeLanguages(messages)
