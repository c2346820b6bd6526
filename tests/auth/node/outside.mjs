// npm oidc-provider as somebody else's: people sign in to our auth with it. Whoever gives a name
// is that person; the name is their address too, verified unless it begins with "new".
import { createServer } from 'node:http'
import { generateKeyPairSync } from 'node:crypto'
import Provider from 'oidc-provider'
import { say, told } from './conversation.mjs'

const { clients } = await told()
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

const provider = new Provider(issuer, {
  clients,
  scopes: ['openid', 'profile', 'email'],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'theirs' }] },
  cookies: { keys: ['a secret of this run'] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
  },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: `sub-of-${id}`,
      name: `${id.split('@')[0]} Outside`,
      preferred_username: id.split('@')[0],
      email: id,
      email_verified: !id.startsWith('new'),
    }),
  }),
  pkce: { required: () => true },
})
provider.on('server_error', (_, error) => console.error(error))
server.on('request', provider.callback())
say({ issuer })
