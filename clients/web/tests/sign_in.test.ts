import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ProtocolError, SignedOut, Unreachable } from '@/sdk/errors'
import { SignIn, returnedFrom } from '@/sdk/sign_in'
import { BrowserTokens, subjectOf, type Notes } from '@/sdk/tokens'

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

/** Auth, as far as silent authorization, the token endpoint and its cookie go. */
class Auth {
  signedIn = true
  down = false
  loseNextAnswer = false
  issuer = ORIGIN
  cookie = '' // what the browser holds; the SDK cannot read it
  readonly asked: URLSearchParams[] = []
  private readonly successors = new Map<string, string>() // '' for the one that is not spent
  private challenge = ''
  private count = 0
  private spentAt = 0

  constructor() {
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => this.answer(new URL(url), init))
  }

  endSession(): void {
    this.successors.clear()
  }

  private async answer(url: URL, init: RequestInit): Promise<Response> {
    expect(init.credentials).toBe('same-origin')
    if (this.down) throw new TypeError('Failed to fetch')
    if (url.pathname === '/connect/authorize') return this.authorize(url.searchParams)
    const form = init.body as URLSearchParams
    this.asked.push(form)
    expect(form.has('refresh_token')).toBe(false)
    if (url.pathname !== '/connect/token') {
      this.successors.delete(this.cookie)
      this.cookie = ''
      return Response.json({})
    }
    const next = form.get('grant_type') === 'refresh_token' ? this.refreshed() : await this.begun(form)
    if (next === '') return Response.json({ error: 'invalid_grant' }, { status: 400 })
    this.count += 1
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false
      throw new TypeError('Failed to fetch')
    }
    this.cookie = next
    return Response.json({ access_token: `a${this.count}`, expires_in: 300 })
  }

  private async begun(form: URLSearchParams): Promise<string> {
    if ((await digest(form.get('code_verifier') ?? '')) !== this.challenge) return ''
    return this.fresh()
  }

  /** As docs/auth.md has it: a spent one gives its successor for 10 s, later the session ends. */
  private refreshed(): string {
    const successor = this.successors.get(this.cookie)
    if (successor === undefined) return ''
    if (successor === '') {
      const next = this.fresh()
      this.successors.set(this.cookie, next)
      this.spentAt = Date.now()
      return next
    }
    if (Date.now() - this.spentAt <= 10_000) return successor
    this.endSession()
    return ''
  }

  private fresh(): string {
    const token = `r${this.successors.size}`
    this.successors.set(token, '')
    return token
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

class MemoryNotes implements Notes {
  readonly kept = new Map<string, string>()
  getItem = (name: string) => this.kept.get(name) ?? null
  setItem = (name: string, value: string) => void this.kept.set(name, value)
  removeItem = (name: string) => void this.kept.delete(name)
}

async function digest(verifier: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return Buffer.from(bytes).toString('base64url')
}

describe('tokens', () => {
  let auth: Auth
  let notes: MemoryNotes
  let tokens: BrowserTokens

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
    auth = new Auth()
    notes = new MemoryNotes()
    load()
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  /** The page is loaded, or another tab leads from now on. */
  function load(): void {
    tokens = new BrowserTokens(new SignIn(ORIGIN), notes)
  }

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

  test('after a reload the session goes on, whether or not somebody is still signed in at auth', async () => {
    await tokens.accessToken()
    auth.signedIn = false
    load()
    expect(await tokens.accessToken()).toBe('a2')
    expect(grants()).toEqual(['authorization_code', 'refresh_token'])
  })

  test('a lost answer is asked for again within the time that auth gives', async () => {
    await tokens.accessToken()
    auth.loseNextAnswer = true
    await expect(tokens.accessToken('a1')).rejects.toThrow(Unreachable)
    vi.advanceTimersByTime(7_000)
    expect(await tokens.accessToken()).toBe('a3')
    expect(grants()).toEqual(['authorization_code', 'refresh_token', 'refresh_token'])
  })

  test.each([false, true])(
    'later a spent refresh token is not used again, but a new authorization made (reload: %s)',
    async (reload) => {
      await tokens.accessToken()
      auth.loseNextAnswer = true
      await expect(tokens.accessToken('a1')).rejects.toThrow(Unreachable)
      vi.advanceTimersByTime(9_000)
      if (reload) load()
      expect(await tokens.accessToken()).toBe('a3')
      expect(await tokens.accessToken('a3')).toBe('a4')
      expect(grants()).toEqual([
        'authorization_code', 'refresh_token', 'authorization_code', 'refresh_token',
      ])
    },
  )

  test('a request that never arrived costs nobody the session', async () => {
    await tokens.accessToken()
    auth.down = true
    await expect(tokens.accessToken('a1')).rejects.toThrow(Unreachable)
    vi.advanceTimersByTime(3_600_000)
    auth.down = false
    auth.signedIn = false // too long ago
    expect(await tokens.accessToken()).toBe('a2')
  })

  test('a session that was ended stays ended', async () => {
    await tokens.accessToken()
    auth.endSession()
    await expect(tokens.accessToken('a1')).rejects.toThrow(SignedOut)
    await expect(tokens.accessToken()).rejects.toThrow(SignedOut)
    expect(grants()).toEqual(['authorization_code', 'refresh_token', 'refresh_token'])
  })

  test('who has signed in meanwhile is who the next token speaks for', async () => {
    await tokens.accessToken()
    load()
    tokens.returned()
    expect(await tokens.accessToken()).toBe('a2')
    expect(grants()).toEqual(['authorization_code', 'authorization_code'])
    expect(await tokens.accessToken('a2')).toBe('a3')
    expect(grants().at(-1)).toBe('refresh_token')
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

  test('ending revokes the session, and its cookie is gone', async () => {
    await tokens.accessToken()
    await tokens.end()
    expect(auth.cookie).toBe('')
    expect(notes.kept.size).toBe(0)
    await expect(tokens.accessToken()).rejects.toThrow(SignedOut)
  })

  test('ending says so when auth could not be told', async () => {
    await tokens.accessToken()
    auth.down = true
    await expect(tokens.end()).rejects.toThrow(Unreachable)
    auth.down = false
    load()
    await tokens.end()
    expect(auth.cookie).toBe('')
  })

  test('what is noted opens nothing', async () => {
    await tokens.accessToken()
    auth.loseNextAnswer = true
    await expect(tokens.accessToken('a1')).rejects.toThrow(Unreachable)
    const noted = [...notes.kept.values()].join()
    expect(noted).toMatch(/^\d+$/)
    await tokens.accessToken()
    expect([...notes.kept.values()]).toEqual(['held'])
  })
})

test('whom a token speaks for', () => {
  const payload = Buffer.from(JSON.stringify({ sub: 'ann' })).toString('base64url')
  expect(subjectOf(`h.${payload}.s`)).toBe('ann')
  expect(subjectOf('nonsense')).toBe('')
  expect(subjectOf('a.b.c')).toBe('')
})
