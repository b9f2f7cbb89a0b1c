import { shallowRef, type ShallowRef } from 'vue'
import { Problem } from './api/problem'

/** What a page knows of something it asked the server for. */
export type LoadState<T> =
  | { phase: 'loading' }
  | { phase: 'failed'; problem: Problem }
  /** `problem` is set when a later request failed: the value is then as old as `atMs`. */
  | { phase: 'ready'; value: T; atMs: number; problem: Problem | null; renewing: boolean }

export interface Load<T> {
  state: ShallowRef<LoadState<T>>
  /** Asks again; a value that is already there stays until the new one has come. */
  reload: () => Promise<void>
  /** Asks for something else: what was there before is not shown for it. */
  restart: () => Promise<void>
}

/** Asks at once. Of overlapping requests only the newest counts. */
export function useLoad<T>(ask: () => Promise<T>, now: () => number = Date.now): Load<T> {
  const state: ShallowRef<LoadState<T>> = shallowRef({ phase: 'loading' })
  let newest = 0
  const reload = async (): Promise<void> => {
    const turn = ++newest
    const before = state.value
    state.value = before.phase === 'ready' ? { ...before, renewing: true } : { phase: 'loading' }
    try {
      const value = await ask()
      if (turn === newest) state.value = { phase: 'ready', value, atMs: now(), problem: null, renewing: false }
    } catch (error) {
      if (turn !== newest) return
      const problem = Problem.from(error)
      state.value = before.phase === 'ready' ? { ...before, problem, renewing: false } : { phase: 'failed', problem }
    }
  }
  const restart = (): Promise<void> => {
    state.value = { phase: 'loading' }
    return reload()
  }
  void reload()
  return { state, reload, restart }
}
