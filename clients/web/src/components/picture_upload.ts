// A picture of a person or a group on its way to the server.
import { useBackend } from '@/stores/backend'

/** The id of the finished file; rejects with the error that ended it. */
export function uploadPicture(file: File, progress: (part: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const upload = useBackend().get().upload(file, { progress, done: resolve, failed: reject })
    void upload.start()
  })
}
