const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `11.8 MiB`; below 1 KiB exact. */
export function formatBytes(bytes: number): string {
  let size = bytes
  let unit = 0
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${unit === 0 ? String(size) : size.toFixed(1)} ${UNITS[unit]}`
}

/** A count with thousands separators. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
