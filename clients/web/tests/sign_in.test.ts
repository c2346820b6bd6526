import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ProtocolError, SignedOut, Unreachable } from '@/sdk/errors'
import { SignIn, returnedFrom } from '@/sdk/sign_in'
import { BrowserTokens, subjectOf } from '@/sdk/tokens'

const ORIGIN = 'https://chat.test'

describe('where to go on after signing in', () => {
  function after(state: string, path = '/callback'): string | null {
    const url = new URL(path, ORIGIN)
    url.searchParams.set('state', state)
    return returnedFrom(url)
  }

  test('a path of ours', () => {
    expect(after(JSON.stringify({ to: '/c/42?x=1#y' }))).toBe('/c/42?x=1#y')
  })

  test.each(['https://evil.test/', '//evil.test/', '/\\evil.test', 'javascript:alert(1)', '', 'c/42', 7])(
    'never %s',
    (to) => {
      expect(after(JSON.stringify({ to }))).toBe('/')
    },
  )

  test('other pages, and states that are not ours', () => {
    expect(after('x')).toBe('/')
    expect(after('null')).toBe('/')
    expect(after(JSON.stringify({ to: '/c/42' }), '/c/1')).toBeNull()
  })
})

/** Auth, as far as silent authorization and the token endpoint go. */
class Auth {
  signedIn = true
  down = false
  loseNextAnswer = false
  issuer = ORIGIN
  readonly asked: URLSearchParams[] = []
  private readonly refreshable = new Set<string>()
  private challenge = ''
  private count = 0

  constructor() {
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => this.answer(new URL(url), init))
  }

  revokeAll(): void {
    this.refreshable.clear()
  }

  private async answer(url: URL, init: RequestInit): Promise<Response> {
    if (this.down) throw new TypeError('Failed to fetch')
    if (url.pathname === '/connect/authorize') return this.authorize(url.searchParams)
    const form = init.body as URLSearchParams
    this.asked.push(form)
    if (url.pathname !== '/connect/token') return Response.json({})
    const good =
      form.get('grant_type') === 'refresh_token'
        ? this.refreshable.delete(form.get('refresh_token') ?? '')
        : (await digest(form.get('code_verifier') ?? '')) === this.challenge
    if (!good) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    this.count += 1
    this.refreshable.add(`r${this.count}`)
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false
      throw new TypeError('Failed to fetch')
    }
    return Response.json({
      access_token: `a${this.count}`,
      refresh_token: `r${this.count}`,
      expires_in: 300,
    })
  }

  private authorize(query: URLSearchParams): Response {
    expect(query.get('prompt')).toBe('none')
    this.challenge = query.get('code_challenge') ?? ''
    const to = new URL(query.get('redirect_uri') ?? '')
    to.searchParams.set('state', query.get('state') ?? '')
    to.searchParams.set('iss', this.issuer)
    if (this.signedIn) to.searchParams.set('code', 'code')
    else to.searchParams.set('error', 'login_required')
    const response = new Response('<!doctype html>')
    // As after the browser has followed the redirect.
    Object.defineProperty(response, 'url', { value: to.href })
    return response
  }
}

async function digest(verifier: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return Buffer.from(bytes).toString('base64url')
}

describe('tokens', () => {
  let auth: Auth
  let tokens: BrowserTokens

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
    auth = new Auth()
    tokens = new BrowserTokens(new SignIn(ORIGIN))
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  function grants(): (string | null)[] {
    return auth.asked.map((form) => form.get('grant_type'))
  }

  test('come by silent authorization with PKCE, once for all who ask', async () => {
    const both = await Promise.all([tokens.accessToken(), tokens.accessToken()])
    expect(both).toEqual(['a1', 'a1'])
    expect(await tokens.accessToken()).toBe('a1')
    expect(grants()).toEqual(['authorization_code'])
  })

  test('are refreshed before they end, and when the server refuses one', async () => {
    await tokens.accessToken()
    vi.advanceTimersByTime(271_000)
    expect(await tokens.accessToken()).toBe('a2')
    expect(await tokens.accessToken('a2')).toBe('a3')
    expect(grants()).toEqual(['authorization_code', 'refresh_token', 'refresh_token'])
  })

  test('a spent refresh token is never used again: after a lost answer comes a new authorization', async () => {
    await tokens.accessToken()
    auth.loseNextAnswer = true
    await expect(tokens.accessToken('a1')).rejects.toThrow(Unreachable)
    expect(await tokens.accessToken()).toBe('a3')
    expect(grants()).toEqual(['authorization_code', 'refresh_token', 'authorization_code'])
  })

  test('a session that was ended stays ended', async () => {
    await tokens.accessToken()
    auth.revokeAll()
    await expect(tokens.accessToken('a1')).rejects.toThrow(SignedOut)
  })

  test('nobody is signed in', async () => {
    auth.signedIn = false
    await expect(tokens.accessToken()).rejects.toThrow(SignedOut)
    expect(grants()).toEqual([])
  })

  test('no line is no sign-out', async () => {
    auth.down = true
    await expect(tokens.accessToken()).rejects.toThrow(Unreachable)
  })

  test("another issuer's answer is not taken", async () => {
    auth.issuer = 'https://evil.test'
    await expect(tokens.accessToken()).rejects.toThrow(ProtocolError)
    expect(grants()).toEqual([])
  })

  test('ending revokes the session', async () => {
    await tokens.accessToken()
    await tokens.end()
    expect(auth.asked.at(-1)?.get('token')).toBe('r1')
    expect(await tokens.accessToken()).toBe('a2')
  })
})

test('whom a token speaks for', () => {
  const payload = Buffer.from(JSON.stringify({ sub: 'ann' })).toString('base64url')
  expect(subjectOf(`h.${payload}.s`)).toBe('ann')
  expect(subjectOf('nonsense')).toBe('')
  expect(subjectOf('a.b.c')).toBe('')
})
