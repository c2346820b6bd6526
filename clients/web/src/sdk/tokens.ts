// Access tokens for the SDK. In the browser they live in memory only: nothing that opens a session
// is ever written where another script, or another person at this computer, could pick it up.
import { SignedOut } from './errors'
import type { SignIn, TokenSet } from './sign_in'

const MARGIN_MS = 30_000 // a token that ends sooner is replaced before use
const REPEAT_MS = 8_000 // auth takes a repeated refresh for a lost answer for 10 s
const SESSION = 'agileim.session' // noted there: HELD, or when a refresh was asked for, in ms
const HELD = 'held'

/** Gives access tokens. Write your own to bring tokens from elsewhere. */
export interface TokenSource {
  /** A token that is expected to work, and is not `rejected` (one that the server refused).
   * Rejects with SignedOut when there is none to be had, or with Unreachable. */
  accessToken(rejected?: string): Promise<string>
}

/** Where it is noted whether auth's cookie holds a session: of localStorage, for instance. */
export type Notes = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** Tokens of the browser's session. Its refresh token is in a cookie that no script can read; what
 * is noted here, for the next load of the page, is only that there is one. */
export class BrowserTokens implements TokenSource {
  private current: TokenSet | null = null
  private underWay: Promise<string> | null = null
  private had = false // a token, since the page was loaded
  private anew = false // somebody has signed in: what the cookie holds is somebody else's, or over

  constructor(
    private readonly signIn: SignIn,
    private readonly notes: Notes,
  ) {}

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

  /** Somebody has signed in on auth's pages: the next token is theirs. */
  returned(): void {
    this.current = null
    this.anew = true
  }

  /** Forget the token and end its session. Rejects when auth could not be told. */
  async end(): Promise<void> {
    this.current = null
    await this.signIn.revoke()
    this.notes.removeItem(SESSION)
  }

  private async renew(): Promise<string> {
    this.current = null
    let fresh: TokenSet
    let anew: boolean
    do {
      anew = this.anew
      fresh = anew ? await this.authorize() : await this.next()
    } while (this.anew && !anew)
    this.current = fresh
    this.had = true
    return fresh.accessToken
  }

  private async authorize(): Promise<TokenSet> {
    const fresh = await this.signIn.silently()
    this.anew = false
    this.notes.setItem(SESSION, HELD)
    return fresh
  }

  private async next(): Promise<TokenSet> {
    const note = this.notes.getItem(SESSION)
    if (note === null && !this.had) return this.authorize()
    // A refresh token works once. When the answer got lost the cookie may hold a spent one: using
    // it again is taken for a repetition at first, and later for theft.
    const asked = note === null || note === HELD ? Date.now() : Number(note)
    const age = Date.now() - asked
    if (age >= 0 && age < REPEAT_MS) return this.refresh(asked)
    try {
      return await this.authorize()
    } catch (error) {
      if (error instanceof SignedOut) return this.refresh(asked) // perhaps it never arrived
      throw error
    }
  }

  private async refresh(asked: number): Promise<TokenSet> {
    this.notes.setItem(SESSION, String(asked))
    let fresh: TokenSet
    try {
      fresh = await this.signIn.refresh()
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error
      this.notes.removeItem(SESSION)
      // A session that was ended under our eyes stays ended; at the beginning there may be another
      // sign-in to go on with.
      if (this.had) throw error
      return this.authorize()
    }
    this.notes.setItem(SESSION, HELD)
    return fresh
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
