// The person's account at auth: where they are signed in.
import { Http } from './http'

/** A device or application that is signed in. */
export interface SignedIn {
  id: string
  client_id: string
  client_name: string
  /** As the browser or program called itself. */
  device: string
  created_at: string
  used_at: string
  /** The one that asks. */
  current: boolean
}

/** Pages of auth for what this program leaves to it: password, second factors. */
export const SECURITY_PAGE = '/connect/account'

/** The calls. All reject with Refused, Unreachable or SignedOut. */
export class Account extends Http {
  async sessions(): Promise<SignedIn[]> {
    const { sessions } = await this.request<{ sessions: SignedIn[] }>('GET', '/connect/account/sessions')
    return sessions
  }

  /** Sign a device out; its sockets close within seconds. */
  async endSession(id: string): Promise<void> {
    await this.request('DELETE', `/connect/account/sessions/${id}`)
  }

  /** All but this one. */
  async endOthers(): Promise<void> {
    await this.request('DELETE', '/connect/account/sessions', { query: { others: 'true' } })
  }
}
