// Where files can be had. See contracts.ts: FilesStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { FileLink } from '@/sdk'
import { useBackend } from './backend'

const GATHER_MS = 20 // ids that a view asks for come together
const AGAIN_MS = 10_000
const MARGIN_MS = 30_000
const ASK_MAX = 100

export const useFiles = defineStore('files', () => {
  const backend = useBackend()
  const links = shallowReactive(new Map<string, FileLink>())
  const asked = new Map<string, number>() // when
  let wanted = new Set<string>()

  function get(id: string): FileLink | undefined {
    const link = links.get(id)
    const fresh = link !== undefined && Date.parse(link.expires_at) - Date.now() > MARGIN_MS
    if (!fresh && Date.now() - (asked.get(id) ?? 0) > AGAIN_MS) {
      asked.set(id, Date.now())
      if (wanted.size === 0) setTimeout(() => void ask(), GATHER_MS)
      wanted.add(id)
    }
    return link
  }

  /** A link that is good now. */
  async function fresh(id: string): Promise<FileLink | undefined> {
    const [link] = await backend.get().api.fileLinks([id])
    if (link !== undefined) links.set(id, link)
    return link
  }

  async function ask(): Promise<void> {
    const ids = [...wanted]
    wanted = new Set()
    for (let at = 0; at < ids.length; at += ASK_MAX) {
      const some = ids.slice(at, at + ASK_MAX)
      const found = await backend.get().api.fileLinks(some).catch(() => [])
      for (const link of found) links.set(link.file, link)
    }
  }

  return { get, fresh }
})
