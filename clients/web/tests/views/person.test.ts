// @vitest-environment happy-dom
// What is shown of a person: by their profile, and by what they are to one.
import { createPinia, setActivePinia } from 'pinia'
import { createApp, nextTick, type App } from 'vue'
import { afterEach, expect, test } from 'vitest'
import PersonDetails from '@/components/PersonDetails.vue'
import UserAvatar from '@/components/UserAvatar.vue'
import type { Relation } from '@/sdk/contacts'
import { useBackend, type Backend } from '@/stores/backend'
import { usePeople } from '@/stores/people'
import { BOB } from '../support/events'

const USER = { id: BOB, handle: 'bob', display_name: 'Bob', avatar: 'face' }
let app: App | null = null
afterEach(() => app?.unmount())

function show(component: object, props: Record<string, unknown>, relation: Partial<Relation> = {}): HTMLElement {
  const pinia = createPinia()
  setActivePinia(pinia)
  const expires_at = new Date(Date.now() + 600_000).toISOString()
  const status = { emoji: '🌴', text: 'away', until: null }
  useBackend().use({
    api: {
      profiles: { of: () => Promise.resolve({ ...USER, status, language: 'cs' }) },
      contacts: { relation: () => Promise.resolve({ user: BOB, state: 'none', blocked: false, ...relation }) },
      fileLinks: () => Promise.resolve([{ file: 'face', url: '/whole.png', thumbnail_url: '/small.png', expires_at }]),
    },
  } as unknown as Backend)
  usePeople().add([USER])
  const place = document.createElement('div')
  app = createApp(component, props)
  app.use(pinia).mount(place)
  return place
}

test.each([
  [{ state: 'none' }, ['Add to contacts', 'Block']],
  [{ state: 'asked' }, ['Take back', 'Block']],
  [{ state: 'asks', text: 'It is me' }, ['Accept', 'Refuse', 'Block']],
  [{ state: 'contact', note: 'my baker' }, ['Save', 'Remove from contacts', 'Block']],
  [{ state: 'none', blocked: true }, ['Unblock']],
] as const)('of %j one may choose %j', async (relation, choices) => {
  const place = show(PersonDetails, { id: BOB, name: 'Bob' }, relation)
  await expect.poll(() => [...place.querySelectorAll('button')].map((one) => one.textContent.trim())).toEqual(choices)
  expect(place.textContent).toContain('away')
  expect(place.textContent).toContain('Czech')
})

test('a person is shown by their picture, and by initials when it does not load', async () => {
  const place = show(UserAvatar, { id: BOB, name: 'Bob' })
  expect(place.textContent.trim()).toBe('B')
  await expect.poll(() => place.querySelector('img')?.getAttribute('src')).toBe('/small.png')
  place.querySelector('img')?.dispatchEvent(new Event('error'))
  await nextTick()
  expect(place.querySelector('img')).toBeNull()
})
