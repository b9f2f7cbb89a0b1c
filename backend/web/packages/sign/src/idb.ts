import type { KeyStore, Profile, Sent } from './keyring'

const NAME = 'zhixing-sign'
const PROFILES = 'profiles'
const STATEMENTS = 'statements'

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('the store of the browser failed'))
  })
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1)
  request.onupgradeneeded = () => {
    request.result.createObjectStore(PROFILES, { keyPath: 'staff' })
    request.result.createObjectStore(STATEMENTS)
  }
  return answer(request)
}

/** The browser's own store (IndexedDB): keys stay in it as objects that cannot be read out. */
export function idbStore(): KeyStore {
  let opened: Promise<IDBDatabase> | null = null
  const database = (): Promise<IDBDatabase> => {
    opened ??= open().catch((error: unknown) => {
      opened = null
      throw error
    })
    return opened
  }
  return {
    async profile(staff) {
      const transaction = (await database()).transaction(PROFILES)
      return ((await answer(transaction.objectStore(PROFILES).get(staff))) as Profile | undefined) ?? null
    },
    async put(profile, statements) {
      const transaction = (await database()).transaction([PROFILES, STATEMENTS], 'readwrite', { durability: 'strict' })
      const done = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve()
        transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error('the store of the browser is full'))
      })
      transaction.objectStore(PROFILES).put(profile)
      for (const statement of statements) transaction.objectStore(STATEMENTS).put(statement, [profile.device, statement.seq])
      await done
    },
    async statements(device, seq) {
      const transaction = (await database()).transaction(STATEMENTS)
      return (await answer(transaction.objectStore(STATEMENTS).getAll(IDBKeyRange.bound([device, seq], [device, Number.MAX_SAFE_INTEGER])))) as Sent[]
    },
  }
}
