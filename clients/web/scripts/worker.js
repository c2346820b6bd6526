// The service worker: the page starts without a network, and what is shown of it is of one version.
// __VERSION__ and __FILES__ are filled in by service_worker.mjs. Data is not its business: that is
// in IndexedDB, and /v1, /connect, /ws and the like go to the network untouched.
/* global __VERSION__, __FILES__ */

const CACHE = `agileim-${__VERSION__}`
const FILES = __FILES__

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name)
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('message', ({ data }) => {
  // Asked for by the person: a version of the page never changes under their hands.
  if (data === 'take-over') void self.skipWaiting()
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (request.mode === 'navigate') {
    if (url.pathname === '/' || url.pathname === '/callback') event.respondWith(kept('/', request))
  } else if (url.pathname.startsWith('/assets/') || FILES.includes(url.pathname)) {
    event.respondWith(kept(url.pathname, request))
  }
})

async function kept(path, request) {
  const cache = await caches.open(CACHE)
  const known = await cache.match(path)
  if (known !== undefined) return known
  const answer = await fetch(request)
  // Names under /assets hold a hash of the content. Fonts and emoji come here when first needed.
  if (answer.ok && path.startsWith('/assets/')) await cache.put(path, answer.clone())
  return answer
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(show(event.notification.data?.conversation))
})

async function show(conversation) {
  const pages = await self.clients.matchAll({ type: 'window' })
  if (pages.length === 0) {
    await self.clients.openWindow(conversation ? `/#/c/${conversation}` : '/')
    return
  }
  await pages[0].focus()
  pages[0].postMessage({ open: conversation })
}
