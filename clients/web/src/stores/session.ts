// Who is signed in, and the line to the server. See contracts.ts: SessionStore.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { Status } from '@/sdk'
import type { Account } from '@/sdk/account'
import type { Cached } from '@/sdk/cache'
import { useBackend } from './backend'
import type { Connection, Limits, User } from './contracts'

/** Until the server has told them (docs/protocol.md). */
const LIMITS: Partial<Limits> = {
  message_max_chars: 8000,
  attachments_max: 10,
  file_max_bytes: 100_000_000,
  name_max_chars: 100,
  handle_min_chars: 2,
  handle_max_chars: 32,
  add_members_max: 100,
  receipts_max_members: 50,
  presence_max_members: 200,
  watch_max_conversations: 200,
}

export const useSession = defineStore('session', () => {
  const backend = useBackend()
  const status = shallowRef<Status | null>(null)
  const kept = shallowRef<User | null>(null)
  const own = shallowRef<User | null>(null) // newer than what was told at sign-in
  const loadedOnce = ref(false)
  const online = ref(navigator.onLine)
  const limits = shallowRef(LIMITS as Limits)
  const retryAt = ref<number | null>(null)

  const me = computed<User | null>(() => {
    if (status.value?.signedIn === 'out') return null
    const user = status.value?.user ?? kept.value
    return own.value?.id === user?.id ? own.value : user
  })

  const state = computed<'starting' | 'signed_out' | 'signed_in'>(() => {
    if (status.value?.signedIn === 'out') return 'signed_out'
    // Who has data here is shown it while the line is being made.
    if (loadedOnce.value && me.value !== null) return 'signed_in'
    return 'starting'
  })

  const connection = computed<Connection>(() => ({
    state: online.value ? (status.value?.connection ?? 'connecting') : 'offline',
    retryAt: retryAt.value,
    reason: status.value?.reason ?? '',
    syncing: status.value?.syncing ?? true,
  }))

  async function signIn(options: { register?: boolean; returnTo?: string } = {}): Promise<void> {
    location.assign(await backend.get().signInPage(options))
  }

  function signOut(): Promise<void> {
    return backend.get().signOut()
  }

  function account(): Account {
    return backend.get().account
  }

  function retryNow(): void {
    backend.get().retryNow()
  }

  function loaded(cached: Cached): void {
    kept.value = cached.meta?.user ?? null
    loadedOnce.value = true
  }

  /** The person here calls themselves otherwise now. */
  function renamed(user: User): void {
    own.value = user
  }

  function changed(told: Status): void {
    const wasUp = status.value?.connection === 'connected'
    status.value = told
    // Tabs differ in their performance.now(), so what they tell each other is in Date.now().
    retryAt.value =
      told.retryAt === null ? null : told.retryAt - Date.now() + performance.now()
    if (told.connection === 'connected' && !wasUp) void learnLimits()
  }

  async function learnLimits(): Promise<void> {
    const told = await backend.get().api.limits().catch(() => null)
    if (told !== null) limits.value = told
  }

  addEventListener('online', () => (online.value = true))
  addEventListener('offline', () => (online.value = false))

  return { state, me, limits, connection, signIn, signOut, account, retryNow, loaded, renamed, changed }
})
