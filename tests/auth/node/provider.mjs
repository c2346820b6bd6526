// npm oidc-provider, set up as our auth is where both have a choice: code with PKCE S256 only,
// rotating refresh tokens, ES256, the same clients. Every name and password is somebody's.
import { createServer } from 'node:http'
import { generateKeyPairSync } from 'node:crypto'
import Provider from 'oidc-provider'
import { say, told } from './conversation.mjs'

const { clients, scopes } = await told()
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

const provider = new Provider(issuer, {
  clients,
  scopes,
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'one' }] },
  cookies: { keys: ['a secret of this run'], long: { sameSite: 'none' } },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: id }) }),
  pkce: { required: () => true },
  responseTypes: ['code'],
  rotateRefreshToken: true,
  enableHttpPostMethods: true,
  issueRefreshToken: (_, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  ttl: { AccessToken: 300, AuthorizationCode: 60, DeviceCode: 600, IdToken: 300, ClientCredentials: 300,
    Grant: 3600, Interaction: 600, RefreshToken: 3600, Session: 3600 },
})
provider.on('server_error', (_, error) => console.error(error))
server.on('request', provider.callback())
say({ issuer })
