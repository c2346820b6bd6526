// The one Chat of this tab, for all stores.
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { Chat } from '@/sdk'

/** What stores use of it; tests bring their own. */
export type Backend = Pick<
  Chat,
  | 'api'
  | 'account'
  | 'leads'
  | 'send'
  | 'ask'
  | 'upload'
  | 'message'
  | 'pins'
  | 'resend'
  | 'discard'
  | 'read'
  | 'typing'
  | 'watch'
  | 'history'
  | 'people'
  | 'sync'
  | 'retryNow'
  | 'signOut'
  | 'signInPage'
>

export const useBackend = defineStore('backend', () => {
  const present = shallowRef<Backend | null>(null)

  function get(): Backend {
    if (present.value === null) throw new Error('startChat was not called')
    return present.value
  }

  function use(backend: Backend): void {
    present.value = backend
  }

  return { present, get, use }
})
