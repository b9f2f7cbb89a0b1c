const YUAN = /^[0-9]{1,14}(?:\.[0-9]{1,2})?$/

/** Yuan as people type them, with or without commas and ¥, as fen; null if it is no amount above zero. Never through a fraction. */
export function readYuan(text: string): number | null {
  const digits = text.normalize('NFKC').replace(/[\s,¥]/g, '')
  if (!YUAN.test(digits)) return null
  const [whole = '', rest = ''] = digits.split('.')
  const fen = Number(whole) * 100 + Number(rest.padEnd(2, '0'))
  return Number.isSafeInteger(fen) && fen > 0 ? fen : null
}
