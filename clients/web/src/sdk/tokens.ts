// Access tokens for the SDK. In the browser they live in memory only: nothing that opens a session
// is ever written where another script, or another person at this computer, could pick it up.
import type { SignIn, TokenSet } from './sign_in'

const MARGIN_MS = 30_000 // a token that ends sooner is replaced before use

/** Gives access tokens. Write your own to bring tokens from elsewhere. */
export interface TokenSource {
  /** A token that is expected to work, and is not `rejected` (one that the server refused).
   * Rejects with SignedOut when there is none to be had, or with Unreachable. */
  accessToken(rejected?: string): Promise<string>
}

/** Tokens of the browser's sign-in: the first by silent authorization, further ones by refresh. */
export class BrowserTokens implements TokenSource {
  private current: TokenSet | null = null
  private underWay: Promise<string> | null = null

  constructor(private readonly signIn: SignIn) {}

  /** See TokenSource; one request at a time. */
  accessToken(rejected = ''): Promise<string> {
    if (this.current !== null && usable(this.current, rejected)) {
      return Promise.resolve(this.current.accessToken)
    }
    this.underWay ??= this.renew().finally(() => {
      this.underWay = null
    })
    return this.underWay
  }

  /** Forget the tokens and end their session, as far as the line allows. `leaving`: the page goes
   * away, and nobody will wait for the answer. */
  end(leaving = false): Promise<void> {
    const ended = this.current
    this.current = null
    if (ended === null) return Promise.resolve()
    return this.signIn.revoke(ended.refreshToken || ended.accessToken, leaving)
  }

  private async renew(): Promise<string> {
    const old = this.current
    this.current = null
    // A refresh token works once. When the answer got lost it may be spent, and using it again
    // would end the session as stolen: then a new authorization is the way.
    const fresh = old?.refreshToken
      ? await this.signIn.refresh(old.refreshToken)
      : await this.signIn.silently()
    this.current = fresh
    return fresh.accessToken
  }
}

function usable(tokens: TokenSet, rejected: string): boolean {
  return tokens.accessToken !== rejected && tokens.endsAt - Date.now() > MARGIN_MS
}

/** The user that an access token speaks for. Only read here; the server checks it. */
export function subjectOf(token: string): string {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
    const claims: unknown = JSON.parse(atob(payload))
    const subject = (claims as { sub?: unknown }).sub
    return typeof subject === 'string' ? subject : ''
  } catch {
    return ''
  }
}
