// What people tell of themselves.
import type { Http } from './http'
import type { components } from './generated/rest'

type Rest = components['schemas']

export type Me = Rest['Me']
export type Profile = Rest['Profile']
export type ProfileChanges = Rest['ChangedProfile']

/** The calls. All reject with Refused, Unreachable or SignedOut. */
export class Profiles {
  constructor(private readonly http: Http) {}

  mine(): Promise<Me> {
    return this.http.request('GET', '/v1/me')
  }

  /** What is absent stays. Refused as `stale` if it is not at this version any more. */
  change(changes: ProfileChanges, version: number): Promise<Me> {
    const headers = { 'If-Match': `"${String(version)}"` }
    return this.http.request('PATCH', '/v1/me', { body: changes, headers })
  }

  /** As far as they tell and show it. */
  of(user: string): Promise<Profile> {
    return this.http.request('GET', `/v1/users/${user}`)
  }
}
