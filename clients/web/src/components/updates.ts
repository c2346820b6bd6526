// The service worker (scripts/worker.js): the page starts without a network, and a newer version of
// it waits until the person wants it.
import { ref } from 'vue'

const LOOK_EVERY_MS = 3_600_000

/** A newer version is here, and is used after a reload. */
export const newVersion = ref(false)

let waiting: ServiceWorker | null = null
let asked = false

/** Call once. `opened`: a notification of this conversation was clicked. */
export function startServiceWorker(opened: (conversation: string) => void): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const { serviceWorker } = navigator
  serviceWorker.addEventListener('controllerchange', () => {
    if (asked) location.reload()
  })
  serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ open?: unknown }>) => {
    if (typeof data.open === 'string') opened(data.open)
  })
  serviceWorker.register('/sw.js').then(follow, () => undefined) // e.g. a browser without storage
}

function follow(registration: ServiceWorkerRegistration): void {
  const look = (worker: ServiceWorker | null): void => {
    // The first one ever is no news.
    if (worker?.state !== 'installed' || navigator.serviceWorker.controller === null) return
    waiting = worker
    newVersion.value = true
  }
  look(registration.waiting)
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing
    worker?.addEventListener('statechange', () => look(worker))
  })
  setInterval(() => void registration.update().catch(() => undefined), LOOK_EVERY_MS)
}

/** Reload all tabs with the newer version. */
export function useNewVersion(): void {
  asked = true
  waiting?.postMessage('take-over')
}
