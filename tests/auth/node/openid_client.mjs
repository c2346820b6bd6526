// The flows of openid-client, unmodified. The test opens what {"open": url} names as a person would
// and tells the URL that came back.
import * as client from 'openid-client'
import { ask, finish, told } from './conversation.mjs'

const { flow, issuer, id, secret, method, redirectUri, scope, token, hurry } = await told()

// The server's clock is the test's: polling need not wait for ours.
if (hurry) {
  const timer = globalThis.setTimeout
  globalThis.setTimeout = (done, ms, ...rest) => timer(done, ms / hurry, ...rest)
}

const authentication =
  method === 'post' ? client.ClientSecretPost(secret) : secret ? client.ClientSecretBasic(secret) : client.None()
const config = await client.discovery(new URL(issuer), id, undefined, authentication, {
  execute: [client.allowInsecureRequests],
})

async function code() {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const back = new URL(await ask({ open: url.href }))
  const first = await client.authorizationCodeGrant(config, back, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
    maxAge: 600,
  })
  const claims = first.claims()
  const person = await client.fetchUserInfo(config, first.access_token, claims.sub)
  return { first, claims, person }
}

const FLOWS = {
  async code() {
    const { first, claims, person } = await code()
    const second = first.refresh_token ? await client.refreshTokenGrant(config, first.refresh_token) : null
    const ends = client.buildEndSessionUrl(config, { id_token_hint: first.id_token, state: 'gone' })
    return { first, second, claims, person, end: ends.href }
  },
  async revocation() {
    const { first } = await code()
    await client.tokenRevocation(config, first.refresh_token)
    const refused = await client.refreshTokenGrant(config, first.refresh_token).catch((error) => error)
    return { error: refused.error, status: refused.status }
  },
  async device() {
    const begun = await client.initiateDeviceAuthorization(config, { scope })
    await ask({ open: begun.verification_uri_complete, userCode: begun.user_code })
    const tokens = await client.pollDeviceAuthorizationGrant(config, begun)
    return { tokens, claims: tokens.claims() }
  },
  async credentials() {
    const tokens = await client.clientCredentialsGrant(config, { scope })
    const good = await client.tokenIntrospection(config, token)
    const bad = await client.tokenIntrospection(config, 'nonsense')
    return { tokens, good, bad }
  },
  async refused() {
    const error = await client.clientCredentialsGrant(config, { scope }).catch((found) => found)
    return { error: error.error, status: error.status, challenge: error.cause?.[0]?.scheme ?? '' }
  },
}

finish(await FLOWS[flow]())
