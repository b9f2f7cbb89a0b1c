import { onMounted, onUnmounted } from 'vue'

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
}

/** Closed dialogs stay in the page, without a box. */
function hasOpenDialog(): boolean {
  return [...document.querySelectorAll('[aria-modal="true"]')].some((dialog) => dialog.getClientRects().length > 0)
}

/** Single keys that act anywhere on the page, but never while somebody types or a dialog is open. */
export function useKeys(keys: Record<string, () => void>): void {
  const pressed = (event: KeyboardEvent): void => {
    const act = keys[event.key]
    const busy = isTyping(event.target) || hasOpenDialog()
    if (act === undefined || busy || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    act()
  }
  onMounted(() => document.addEventListener('keydown', pressed))
  onUnmounted(() => document.removeEventListener('keydown', pressed))
}

/** Up and down arrows move between the links marked `data-row` of a list. */
export function moveAlongRows(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  const list = event.currentTarget
  if (step === undefined || !(list instanceof HTMLElement)) return
  const rows = [...list.querySelectorAll<HTMLElement>('[data-row]')]
  const here = rows.findIndex((row) => row === document.activeElement)
  const next = rows[Math.min(Math.max(here + step, 0), rows.length - 1)]
  if (here === -1 || next === undefined) return
  event.preventDefault()
  next.focus()
}
