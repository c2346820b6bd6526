// Uploading a file by tus 1.0 (docs/files.md), in pieces that the edge takes.
import type { Upload } from 'tus-js-client'
import { Refused, Unreachable } from './errors'
import type { ClientError } from './errors'
import type { TokenSource } from './tokens'

const PIECE_BYTES = 512 * 1024 // the edge takes requests up to 1 MB
const RETRY_MS = [0, 1000, 3000, 5000, 10_000, 20_000]

export interface UploadListener {
  /** 0 to 1. */
  progress(part: number): void
  /** The id of the finished file. */
  done(id: string): void
  failed(error: ClientError): void
}

/** One file on its way. */
export class FileUpload {
  private upload: Upload | null = null
  private given = false

  constructor(
    private readonly origin: string,
    private readonly tokens: TokenSource,
    private readonly file: File,
    private readonly listener: UploadListener,
  ) {}

  /** Begin, or go on where it stands. */
  async start(): Promise<void> {
    try {
      this.upload ??= await this.made()
      if (!this.given) this.upload.start()
    } catch (error) {
      this.listener.failed(new Unreachable(String(error)))
    }
  }

  /** Give it up: what is there of it goes. */
  async cancel(): Promise<void> {
    this.given = true
    await this.upload?.abort(true).catch(() => undefined)
  }

  private async made(): Promise<Upload> {
    const { Upload } = await import('tus-js-client')
    const upload: Upload = new Upload(this.file, {
      endpoint: `${this.origin}/v1/uploads`,
      chunkSize: PIECE_BYTES,
      retryDelays: RETRY_MS,
      storeFingerprintForResuming: false,
      removeFingerprintOnSuccess: true,
      metadata: { filename: this.file.name, filetype: this.file.type },
      onBeforeRequest: async (request) => {
        request.setHeader('Authorization', `Bearer ${await this.tokens.accessToken()}`)
      },
      onProgress: (sent, all) => this.listener.progress(all === 0 ? 1 : sent / all),
      onSuccess: () => this.listener.done(upload.url?.split('/').at(-1) ?? ''),
      onError: (error) => this.listener.failed(errorOf(error)),
    })
    return upload
  }
}

function errorOf(error: unknown): ClientError {
  const answer = (error as { originalResponse?: { getBody(): string; getStatus(): number } | null }).originalResponse
  if (!answer) return new Unreachable(error instanceof Error ? error.message : String(error))
  try {
    const told = JSON.parse(answer.getBody()) as { code?: string; detail?: string; field?: string }
    return new Refused(told.code ?? 'internal', told.detail ?? '', told.field ?? '', 0, answer.getStatus())
  } catch {
    return new Refused(`http_${String(answer.getStatus())}`, '', '', 0, answer.getStatus())
  }
}
