// oidc-client-ts, unmodified, in Chromium: the pages of an application on an origin of its own.
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { finish, say, told } from './conversation.mjs'

const WAIT_MS = 20_000
const read = (name) => readFile(new URL(name, import.meta.url))
const PAGE = await read('application/index.html')
const SCRIPTS = {
  '/application.js': await read('application/application.js'),
  '/oidc-client-ts.js': await read('node_modules/oidc-client-ts/dist/browser/oidc-client-ts.js'),
}

/** Starts the application's own server. */
async function serve() {
  const server = createServer((request, response) => {
    const file = SCRIPTS[request.url.split('?')[0]]
    response.setHeader('Content-Type', file ? 'text/javascript' : 'text/html')
    response.end(file ?? PAGE)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${server.address().port}`
}

const given = await told()
const origin = given.origin ?? (await serve())
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
const context = await browser.newContext()
context.setDefaultTimeout(WAIT_MS)
const page = await context.newPage()
const errors = []
page.on('pageerror', (error) => errors.push(error.message))

const settings = {
  authority: given.issuer,
  client_id: given.id,
  scope: given.scope,
  redirect_uri: `${origin}/callback`,
  post_logout_redirect_uri: `${origin}/`,
  ...given.settings,
}

/** Run a function of the library in the page. */
function run(step, ...rest) {
  return page.evaluate(
    async ([source, settings, rest]) => {
      const step = new Function(`return ${source}`)()
      const user = await step(globalThis.manager(settings), ...rest)
      if (!user) return user ?? null
      const { access_token, refresh_token, id_token, profile, scope, expires_in } = user
      return { access_token, refresh_token, id_token, profile, scope, expires_in }
    },
    [step.toString(), settings, rest],
  )
}

async function signIn() {
  await page.goto(`${origin}/`)
  await run((manager) => void manager.signinRedirect())
  await page.waitForURL(/connect\/signin/)
  await page.fill('[name=handle]', given.handle)
  await page.fill('[name=password]', given.password)
  await page.click('button[type=submit]')
  await page.waitForURL(/callback\?|connect\/authorize/)
  if (/connect\/authorize/.test(page.url())) await page.click('button[name=decision][value=allow]')
  await page.waitForURL(/callback\?/)
  return run((manager, url) => manager.signinRedirectCallback(url), page.url())
}

async function signOut() {
  await page.goto(`${origin}/`)
  await run((manager) => void manager.signoutRedirect({ state: 'gone' }))
  await page.waitForURL(/connect\/endsession/)
  await page.click('button[type=submit]')
  await page.waitForURL((url) => url.origin === origin && url.pathname === '/')
  await run((manager, url) => manager.signoutRedirectCallback(url), page.url())
  return run((manager) => manager.getUser())
}

const first = await signIn()
const second = await run((manager) => manager.signinSilent())
if (given.settings?.revokeTokenTypes) await run((manager) => manager.revokeTokens())
say({ first, second, errors })
if (given.signOut) {
  const left = await signOut()
  const cookies = await context.cookies()
  finish({ left, errors, cookies: cookies.filter(({ value }) => value).map(({ name }) => name) })
} else finish({ errors })
await browser.close()
