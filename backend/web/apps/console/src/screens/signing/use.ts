import { SigningError, type Outcome, type Unsigned } from '@zhixing/sign'
import { Problem } from '@zhixing/ui'
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { signing } from '../../signing'

/** What became of the last attempt to sign. */
export type Told = { kind: 'outcome'; outcome: Outcome } | { kind: 'error'; error: SigningError } | { kind: 'problem'; problem: Problem }

/** Signing from a form: one at a time, and what became of it. `act` is fulfilled with true once it is signed and safe. */
export function useSigning(): { busy: Ref<boolean>; told: ShallowRef<Told | null>; act: (unsigned: Unsigned) => Promise<boolean> } {
  const busy = ref(false)
  const told = shallowRef<Told | null>(null)
  async function act(unsigned: Unsigned): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    told.value = null
    try {
      const outcome = await signing.sign(unsigned)
      if (outcome === null) return false
      told.value = { kind: 'outcome', outcome }
      return ['applied', 'duplicate', 'waiting'].includes(outcome.state)
    } catch (error) {
      told.value = error instanceof SigningError ? { kind: 'error', error } : { kind: 'problem', problem: Problem.from(error) }
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, told, act }
}

/** Today in China, where every legal date is. */
export function todayInChina(nowMs = Date.now()): string {
  return new Date(nowMs + 8 * 3_600_000).toISOString().slice(0, 10)
}
