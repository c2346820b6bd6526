// One request to a JSON interface, repeated for a while when the line or the server has a bad moment.
import { Backoff } from './core/backoff'
import { Refused, Unreachable } from './errors'
import type { TokenSource } from './tokens'

const TIMEOUT_S = 20
const TRY_TIMEOUT_MS = 10_000
const RETRY_STATUS = new Set([429, 502, 503, 504])

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export interface Request {
  query?: Record<string, string | number | null | undefined>
  body?: unknown
  headers?: Record<string, string>
}
export type Raw = Record<string, unknown>

/** Only for requests that may be carried out twice. All reject with Refused, Unreachable or
 * SignedOut. */
export class Http {
  constructor(
    readonly origin: string,
    private readonly tokens: TokenSource,
  ) {}

  /** The answer's JSON; undefined for an empty one. */
  async request<T>(method: Method, path: string, request: Request = {}): Promise<T> {
    const backoff = new Backoff(Math.random, 0.2, 5)
    const deadline = performance.now() / 1000 + TIMEOUT_S
    let rejected = ''
    for (;;) {
      const token = await this.tokens.accessToken(rejected)
      let error: Refused | Unreachable
      try {
        const answer = await this.attempt(method, path, request, token)
        if (answer.status === 204) return undefined as T
        if (answer.ok) return (await answer.json()) as T
        error = await problem(answer)
        if (answer.status === 401 && rejected === '') {
          rejected = token
          continue
        }
        if (!RETRY_STATUS.has(answer.status)) throw error
      } catch (caught) {
        if (caught instanceof Refused) throw caught
        error = new Unreachable(caught instanceof Error ? caught.message : String(caught))
      }
      const waitS = backoff.next() + (error instanceof Refused ? error.retryAfterMs / 1000 : 0)
      if (performance.now() / 1000 + waitS >= deadline || offline()) throw error
      await new Promise((resolve) => setTimeout(resolve, waitS * 1000))
    }
  }

  private attempt(method: Method, path: string, request: Request, token: string): Promise<Response> {
    const url = new URL(path, this.origin)
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== null && value !== undefined) url.searchParams.set(name, String(value))
    }
    const headers: Record<string, string> = { ...request.headers, Authorization: `Bearer ${token}` }
    const body = request.body === undefined ? null : JSON.stringify(request.body)
    if (body !== null) headers['Content-Type'] = 'application/json'
    const signal = AbortSignal.timeout(TRY_TIMEOUT_MS)
    return fetch(url, { method, headers, body, signal, credentials: 'omit', cache: 'no-store' })
  }
}

/** Whether the browser knows that there is no network. */
function offline(): boolean {
  return typeof navigator !== 'undefined' && navigator.onLine === false
}

async function problem(answer: Response): Promise<Refused> {
  const told = (await answer.json().catch(() => ({}))) as Raw
  const code = typeof told['code'] === 'string' ? told['code'] : `http_${answer.status}`
  const detail = typeof told['detail'] === 'string' ? told['detail'] : answer.statusText
  const field = typeof told['field'] === 'string' ? told['field'] : ''
  return new Refused(code, detail, field, Number(told['retry_after_ms'] ?? 0), answer.status)
}
