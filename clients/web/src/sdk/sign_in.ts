// Signing in: OAuth 2.0 authorization code with PKCE (RFC 6749, RFC 7636).
//
// The person signs in on auth's own pages, which leaves auth's HttpOnly cookie with the browser.
// The first tokens then come by a second, silent authorization (prompt=none) made with fetch: auth
// is on our origin, so the redirect with the code can be followed without a window or frame. The
// verifier never leaves memory. The code of the visible redirect is not used: nobody has the
// verifier that belongs to it.
//
// No script sees a refresh token: auth keeps it in another HttpOnly cookie and takes it from there.
import { ProtocolError, SignedOut, Unreachable } from './errors'

const CLIENT_ID = 'agileim-web'
const SCOPE = 'openid chat offline_access'
const TIMEOUT_MS = 15_000

export interface TokenSet {
  accessToken: string
  /** Of Date.now(). */
  endsAt: number
}

/** Auth's endpoints as a browser uses them. `origin` is where the page comes from. */
export class SignIn {
  constructor(private readonly origin: string) {}

  /** Where to send the person; comes back to /callback, with `returnTo` in the state. */
  async page(options: { register?: boolean; again?: boolean; returnTo?: string }): Promise<string> {
    const prompt = options.register ? 'create' : options.again ? 'login' : ''
    const { challenge } = await newProof()
    return this.authorization(challenge, JSON.stringify({ to: options.returnTo ?? '/' }), prompt)
  }

  /** Tokens of whoever is signed in with this browser. */
  async silently(): Promise<TokenSet> {
    const { verifier, challenge } = await newProof()
    const state = random()
    const answer = await send(await this.authorization(challenge, state, 'none'), {
      credentials: 'same-origin',
      headers: { Accept: 'text/html' },
    })
    await answer.text().catch(() => '') // the page itself is of no use
    if (answer.status >= 500) throw new Unreachable(`signing in failed (${answer.status})`)
    const given = new URL(answer.url).searchParams
    if (given.get('state') !== state || given.get('iss') !== this.origin) {
      throw new ProtocolError(`the answer to the authorization was not for us (${answer.status})`)
    }
    const code = given.get('code')
    if (code === null) throw refusal(given.get('error') ?? '', given.get('error_description') ?? '')
    return this.tokens({
      grant_type: 'authorization_code',
      code,
      redirect_uri: `${this.origin}/callback`,
      code_verifier: verifier,
    })
  }

  /** The next tokens of the session whose refresh token is in auth's cookie. */
  refresh(): Promise<TokenSet> {
    return this.tokens({ grant_type: 'refresh_token' })
  }

  /** End that session; auth takes its cookie back. */
  async revoke(): Promise<void> {
    const answer = await send(`${this.origin}/connect/revocation`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: CLIENT_ID }),
      credentials: 'same-origin',
    })
    if (!answer.ok) throw new Unreachable(`signing out failed (${answer.status})`)
  }

  /** End the browser's sign-in, as auth's own page would: by its form. */
  async signOut(): Promise<void> {
    const url = `${this.origin}/connect/signout`
    const page = await send(url, { credentials: 'same-origin' })
    const form = new DOMParser().parseFromString(await page.text(), 'text/html').forms[0]
    const body = new URLSearchParams()
    for (const field of form?.querySelectorAll('input[name]') ?? []) {
      body.set(field.getAttribute('name') ?? '', field.getAttribute('value') ?? '')
    }
    const answer = await send(url, { method: 'POST', body, credentials: 'same-origin' })
    if (!answer.ok) throw new Unreachable(`signing out failed (${answer.status})`)
  }

  private authorization(challenge: string, state: string, prompt: string): string {
    const url = new URL('/connect/authorize', this.origin)
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT_ID,
      redirect_uri: `${this.origin}/callback`,
      scope: SCOPE,
      state,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      ...(prompt === '' ? {} : { prompt }),
    }).toString()
    return url.href
  }

  private async tokens(form: Record<string, string>): Promise<TokenSet> {
    const asked = Date.now()
    const answer = await send(`${this.origin}/connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, client_id: CLIENT_ID }),
      credentials: 'same-origin',
    })
    const given = (await answer.json().catch(() => ({}))) as Record<string, unknown>
    if (answer.status === 429 || answer.status >= 500) {
      throw new Unreachable(`signing in failed (${answer.status})`)
    }
    if (!answer.ok) throw refusal(String(given['error']), String(given['error_description'] ?? ''))
    const { access_token: access, expires_in: lasts } = given
    if (typeof access !== 'string' || typeof lasts !== 'number') {
      throw new ProtocolError('the token endpoint answered without a token')
    }
    return { accessToken: access, endsAt: asked + lasts * 1000 }
  }
}

/** The path to go on with after signing in; null when the page is not the one that a sign-in
 * returns to. */
export function returnedFrom(url: URL): string | null {
  if (url.pathname !== '/callback') return null
  try {
    const state: unknown = JSON.parse(url.searchParams.get('state') ?? '')
    const to = (state as { to?: unknown }).to
    // A path of ours and nothing else: the state may come from anybody.
    if (typeof to === 'string' && new URL(to, url.origin).origin === url.origin) {
      return /^\/(?![/\\])/.test(to) ? to : '/'
    }
  } catch {
    // not ours
  }
  return '/'
}

function refusal(error: string, description: string): Error {
  const ends = ['login_required', 'consent_required', 'access_denied', 'invalid_grant']
  if (ends.includes(error)) return new SignedOut(description || error)
  if (error === 'temporarily_unavailable' || error === 'server_error') {
    return new Unreachable(description || error)
  }
  return new ProtocolError(description || error)
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch (error) {
    throw new Unreachable(error instanceof Error ? error.message : String(error))
  }
}

async function newProof(): Promise<{ verifier: string; challenge: string }> {
  const verifier = random()
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return { verifier, challenge: base64url(new Uint8Array(digest)) }
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)))
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
