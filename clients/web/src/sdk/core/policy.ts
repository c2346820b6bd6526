// What to do after a connection has ended, by its close code.
//
// Codes 4000-4499 say reconnect, 4500-4999 say do not (docs/protocol.md); those below 4000 are
// RFC 6455's own and mean that the line or a proxy failed: reconnect.
import { ProtocolError, SessionRevoked, SignedOut, type ClientError } from '../errors'

export const LOST = 1006 // no close frame came (RFC 6455, section 7.1.5)
export const GOING_AWAY = 4000
export const TOKEN_EXPIRED = 4003
export const OVERLOADED = 4004
export const FLOOD = 4006
export const UNAUTHENTICATED = 4503
export const SESSION_REVOKED = 4504

const NAMES = new Map([
  [LOST, 'connection lost'],
  [4000, 'the server is restarting'],
  [4001, 'this client was too slow'],
  [4002, 'the server missed our heartbeat'],
  [4003, 'the token has expired'],
  [4004, 'the server is overloaded'],
  [4005, 'the server is not available'],
  [4006, 'too many frames'],
  [4007, 'the server had an internal error'],
  [4500, 'the server could not read a frame'],
  [4501, 'a frame came out of turn'],
  [4502, 'signing in took too long'],
  [4503, 'the token is not accepted'],
  [4504, 'the session was ended'],
  [4505, 'the server does not speak agileim.v1'],
])

/** The code in words. */
export function reason(code: number): string {
  return NAMES.get(code) ?? `connection lost (${code})`
}

/** Whether the client reconnects by itself. */
export function mayReconnect(code: number): boolean {
  return code < 4500
}

/** Backoff starts from here: who is told of overload waits longer. */
export function leastFailures(code: number): number {
  return code === OVERLOADED || code === FLOOD ? 4 : 0
}

/** Why the client stops after this code. */
export function finalError(code: number): ClientError {
  if (code === UNAUTHENTICATED) return new SignedOut(reason(code))
  if (code === SESSION_REVOKED) return new SessionRevoked(reason(code))
  return new ProtocolError(`${reason(code)} (${code})`)
}
