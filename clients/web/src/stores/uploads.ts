// Files that are being added to messages not sent yet, per composer. See contracts.ts: UploadsStore.
import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import type { FileUpload } from '@/sdk/uploads'
import { useBackend } from './backend'
import type { Attachment, UploadItem } from './contracts'
import { useSession } from './session'

const NONE: readonly UploadItem[] = []

interface Running {
  item: UploadItem
  upload: FileUpload
}

export const useUploads = defineStore('uploads', () => {
  const backend = useBackend()
  const session = useSession()
  const lists = shallowReactive(new Map<string, readonly UploadItem[]>())
  const running = new Map<string, Running>()

  function of(place: string): readonly UploadItem[] {
    return lists.get(place) ?? NONE
  }

  function add(place: string, files: readonly File[]): { added: number; tooMany: boolean } {
    const room = session.limits.attachments_max - of(place).length
    const taken = files.slice(0, Math.max(0, room))
    for (const file of taken) begin(place, file)
    return { added: taken.length, tooMany: taken.length < files.length }
  }

  function begin(place: string, file: File): void {
    const key = crypto.randomUUID()
    const preview = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type) ? URL.createObjectURL(file) : ''
    const { name, size, type } = file
    const item: UploadItem = { key, name, size, type, preview, progress: 0, state: 'uploading', code: '', file: null }
    lists.set(place, [...of(place), item])
    const upload = backend.get().upload(file, {
      progress: (progress) => change(place, key, { progress }),
      done: (id) => void finish(place, key, id),
      failed: (error) => change(place, key, { state: 'failed', code: error.code }),
    })
    running.set(key, { item, upload })
    if (size > session.limits.file_max_bytes) change(place, key, { state: 'failed', code: 'too_large' })
    else void upload.start()
  }

  async function finish(place: string, key: string, id: string): Promise<void> {
    try {
      const file = await backend.get().api.fileInfo(id)
      change(place, key, { state: 'done', progress: 1, file })
    } catch {
      change(place, key, { state: 'failed', code: 'unreachable' })
    }
  }

  function change(place: string, key: string, what: Partial<UploadItem>): void {
    const list = of(place)
    if (!list.some((one) => one.key === key)) return
    lists.set(place, list.map((one) => (one.key === key ? { ...one, ...what } : one)))
  }

  function retry(place: string, key: string): void {
    change(place, key, { state: 'uploading', code: '' })
    void running.get(key)?.upload.start()
  }

  function remove(place: string, key: string): void {
    const item = of(place).find((one) => one.key === key)
    if (item?.preview) URL.revokeObjectURL(item.preview)
    void running.get(key)?.upload.cancel()
    running.delete(key)
    lists.set(place, of(place).filter((one) => one.key !== key))
  }

  /** What is done, to be sent; the list is empty afterwards. */
  function take(place: string): Attachment[] {
    const list = of(place)
    for (const item of list) {
      if (item.preview) URL.revokeObjectURL(item.preview)
      running.delete(item.key)
    }
    lists.delete(place)
    return list.flatMap(({ file }) => (file === null ? [] : [file]))
  }

  return { of, add, retry, remove, take }
})
