import type { Language } from '../format/time'
import type { Messages } from '../language'
import { en } from './en'
import { zhCN } from './zh-CN'

/** Vocabulary and texts that all pages share. */
export const sharedMessages: Record<Language, Messages> = { 'zh-CN': zhCN, en }
