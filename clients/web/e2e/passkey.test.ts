// Passkeys with the browser's own virtual authenticator (DevTools protocol, WebAuthn domain). They
// need a name, so this server of its own is at localhost.
import { createServer } from 'node:net'
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findings } from './axe'
import { started, type Server } from './server'

const PASSWORD = 'correct horse 7 staple'
const ACCOUNT = '/connect/account'
const AUTHENTICATOR = {
  protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true,
  hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
} as const

let server: Server
let browser: Browser
let url: string
let page: Page
let devtools: CDPSession
let authenticator: string
const faults: string[] = []

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => { resolve(typeof address === 'object' && address !== null ? address.port : 0) })
    })
  })
}

async function submit(button: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click()
}

async function withPassword(next: string): Promise<void> {
  await page.goto(`${url}/connect/signin?next=${next}`)
  await page.getByLabel('Handle').fill('mei')
  await page.getByLabel('Password').fill(PASSWORD)
  await submit('Sign in')
}

beforeAll(async () => {
  const port = await freePort()
  url = `http://localhost:${String(port)}`
  server = await started({ AGILEIM_PORT: String(port), AGILEIM_ISSUER: url })
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'],
  })
  const context = await browser.newContext({ locale: 'en-GB' })
  context.setDefaultTimeout(20_000)
  page = await context.newPage()
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => { if (message.type() === 'error') faults.push(message.text()) })
  devtools = await context.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const added = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: AUTHENTICATOR })
  authenticator = added.authenticatorId
  await page.goto(`${url}/connect/register?next=${ACCOUNT}`)
  await page.getByLabel('Handle').fill('mei')
  await page.getByLabel('Display name').fill('Mei')
  await page.getByLabel('Password').fill(PASSWORD)
  await submit('Create account')
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
})

afterAll(async () => {
  await browser.close()
  await server.stop()
})

describe('a passkey', () => {
  test('is added, and recovery codes are shown with it', async () => {
    await page.goto(`${url}${ACCOUNT}/passkeys/new`)
    await page.getByLabel('Name').fill('Laptop')
    await submit('Add passkey')
    await page.getByRole('heading', { name: 'Passkey added' }).waitFor()
    expect(await page.locator('.codes li').count()).toBe(10)
    await page.getByRole('link', { name: 'I have noted them' }).click()
    await page.getByText('Laptop', { exact: true }).first().waitFor()
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId: authenticator })
    expect(credentials.map((one) => [one.isResidentCredential, one.rpId])).toEqual([[true, 'localhost']])
  })

  test('is not added twice to one device', async () => {
    await page.goto(`${url}${ACCOUNT}/passkeys/new`)
    await submit('Add passkey')
    await page.getByText('already holds a passkey').waitFor()
  })

  test('signs in alone, up to the chat', async () => {
    await page.context().clearCookies()
    await page.goto(url)
    await page.locator('.welcome .button').first().click()
    await submit('Sign in with a passkey')
    await page.locator('nav.side').waitFor()
  })

  test('is the second step after the password', async () => {
    await withPassword(ACCOUNT)
    await page.getByRole('heading', { name: 'One more step' }).waitFor()
    await submit('Use a passkey')
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
  })

  test('does nothing when the device does not know the person', async () => {
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId: authenticator, isUserVerified: false })
    await withPassword(ACCOUNT)
    await submit('Use a passkey')
    await page.getByText('Nothing was chosen').waitFor()
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId: authenticator, isUserVerified: true })
    await submit('Use a passkey')
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
  })

  test.each(['light', 'dark'] as const)('and the pages around it are accessible, %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme })
    const paths = ['', '/authenticator', '/passkeys/new', '/recovery-codes', '/devices', '/new-password']
    for (const path of paths) {
      await page.goto(`${url}${ACCOUNT}${path}`)
      expect(await findings(page), path).toEqual([])
      for (const width of [320, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        expect(overflow, `${path} at ${String(width)}`).toBeLessThanOrEqual(0)
      }
    }
    await withPassword(ACCOUNT)
    expect(await findings(page), 'step').toEqual([])
    await submit('Use a passkey')
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
  })

  test('leaves no word in the console', () => {
    expect(faults).toEqual([])
  })
})

describe('without scripts', () => {
  test('the pages say so, and password and recovery code work', async () => {
    const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled: false })
    const plain = await context.newPage()
    await plain.goto(`${url}/connect/signin?next=${ACCOUNT}`)
    expect(await plain.getByRole('button', { name: 'passkey' }).count()).toBe(0)
    await plain.getByLabel('Handle').fill('mei')
    await plain.getByLabel('Password').fill(PASSWORD)
    await plain.getByRole('button', { name: 'Sign in', exact: true }).click()
    await plain.getByText('Passkeys need JavaScript').waitFor()
    await plain.getByRole('link', { name: 'Recovery code' }).click()
    await plain.getByLabel('Recovery code').waitFor()
    await context.close()
  })
})
