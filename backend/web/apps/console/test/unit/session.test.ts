import { ConsoleClient, Problem, type Session } from '@zhixing/ui'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SessionKeeper, watchIdle } from '../../src/session'

const sessionOf = (id: string): Session => ({ user: { id, name: '唐毅', role: 'judge', courts: ['川0811'] }, csrf: 'c' })

function keeper(parts: { me?: () => Promise<Session>; login?: () => Promise<Session>; logout?: () => Promise<void> }) {
  const client = new ConsoleClient()
  client.me = parts.me ?? (async () => sessionOf('a'))
  client.login = parts.login ?? (async () => sessionOf('a'))
  client.logout = parts.logout ?? (async () => undefined)
  return { client, keeper: new SessionKeeper(client) }
}

describe('session', () => {
  it('a server that cannot be reached is not taken for a missing login', async () => {
    const { keeper: one } = keeper({ me: () => Promise.reject(new Problem({ kind: 'unreachable', status: 0 })) })
    expect(await one.begin()).toBe(false)
    expect(one.state.value.phase).toBe('unreachable')
    const { keeper: other } = keeper({ me: () => Promise.reject(new Problem({ kind: 'unauthenticated', status: 401 })) })
    expect(await other.begin()).toBe(false)
    expect(other.state.value.phase).toBe('out')
  })

  it('requests wait while the same person logs in again', async () => {
    const { client, keeper: one } = keeper({})
    await one.begin()
    const waiting = client.onSessionLost?.()
    expect(one.state.value.phase).toBe('renewing')
    expect(await one.login('tangyi', 'x', null)).toBe(true)
    await waiting
    expect(one.state.value.phase).toBe('in')
  })

  it('somebody else who logs in does not get the page of the one before', async () => {
    const { client, keeper: one } = keeper({ login: async () => sessionOf('b') })
    await one.begin()
    let went = false
    void client.onSessionLost?.().then(() => (went = true))
    expect(await one.login('other', 'x', null)).toBe(false)
    await Promise.resolve()
    expect([one.state.value.phase, went]).toEqual(['renewing', false])
  })

  it('locking covers the page even when the server cannot be told', async () => {
    const logout = vi.fn(() => Promise.reject(new Problem({ kind: 'unreachable', status: 0 })))
    const { keeper: one } = keeper({ logout })
    await one.begin()
    await one.lock()
    expect(one.state.value).toMatchObject({ phase: 'renewing', why: 'idle' })
    expect(logout).toHaveBeenCalledTimes(1)
  })
})

describe('idle watch', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('acts after the limit, and every touch begins it anew', () => {
    const act = vi.fn()
    const stop = watchIdle(1000, act)
    vi.advanceTimersByTime(900)
    window.dispatchEvent(new Event('keydown'))
    vi.advanceTimersByTime(900)
    expect(act).not.toHaveBeenCalled()
    vi.advanceTimersByTime(100)
    expect(act).toHaveBeenCalledTimes(1)
    stop()
  })

  it('does nothing once it was stopped', () => {
    const act = vi.fn()
    watchIdle(1000, act)()
    window.dispatchEvent(new Event('keydown'))
    vi.advanceTimersByTime(5000)
    expect(act).not.toHaveBeenCalled()
  })
})
