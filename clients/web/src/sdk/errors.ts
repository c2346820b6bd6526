// What can go wrong, as seen by a program that uses the SDK.

/** The base: `code` is one of the protocol's error codes (docs/protocol.md) or one of those here. */
export class ClientError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly field = '',
  ) {
    super(message || code)
    this.name = new.target.name
  }
}

/** The server understood and said no. `status` is 0 for an answer over the socket. */
export class Refused extends ClientError {
  constructor(
    code: string,
    message: string,
    field = '',
    readonly retryAfterMs = 0,
    readonly status = 0,
  ) {
    super(code, message, field)
  }
}

/** No answer within the time given. */
export class Unreachable extends ClientError {
  constructor(message: string) {
    super('unreachable', message)
  }
}

/** There are no usable tokens: sign in. */
export class SignedOut extends ClientError {
  constructor(message: string) {
    super('signed_out', message)
  }
}

/** The session was ended by its user or by an operator. */
export class SessionRevoked extends SignedOut {}

/** The server speaks another protocol than this SDK. */
export class ProtocolError extends ClientError {
  constructor(message: string) {
    super('protocol', message)
  }
}
