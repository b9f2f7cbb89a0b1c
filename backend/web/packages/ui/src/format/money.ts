/** 1 元 is 100 分. */
const FEN_PER_YUAN = 100
/** 1 万元 is 1,000,000 分. */
const FEN_PER_WAN = 1_000_000

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',')
}

/**
 * Writes an amount of fen as yuan with thousands separators: 2000000 → `¥20,000.00`.
 *
 * Integer arithmetic throughout; fractions of a fen do not exist and are refused.
 */
export function formatFen(fen: number): string {
  if (!Number.isSafeInteger(fen)) throw new RangeError('an amount is a whole number of fen')
  const size = Math.abs(fen)
  const yuan = grouped(String(Math.floor(size / FEN_PER_YUAN)))
  const rest = String(size % FEN_PER_YUAN).padStart(2, '0')
  return `${fen < 0 ? '−' : ''}¥${yuan}.${rest}`
}

/** The amount in 万元, exact to the fen and without trailing zeros; none below 1 万元. 123456789 → `123.456789`. */
export function formatWan(fen: number): string | null {
  if (!Number.isSafeInteger(fen)) throw new RangeError('an amount is a whole number of fen')
  const size = Math.abs(fen)
  if (size < FEN_PER_WAN) return null
  const whole = grouped(String(Math.floor(size / FEN_PER_WAN)))
  const rest = String(size % FEN_PER_WAN)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${fen < 0 ? '−' : ''}${whole}${rest === '' ? '' : `.${rest}`}`
}
