// Pictures of the main views for the documents, with the people of `make demo`:
//   make up, make demo, then  node e2e/pictures.mjs <folder> [address]
import { chromium } from 'playwright-core'

const [folder = '.', address = 'http://127.0.0.1:8080'] = process.argv.slice(2)
const PASSWORD = 'quiet greenhouse 2026'
const WIDE = { viewport: { width: 1280, height: 800 } }
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })

async function signedIn(handle, options) {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  await page.goto(address)
  await page.locator('.welcome .button').first().click()
  await page.fill('[name=handle]', handle)
  await page.fill('[name=password]', PASSWORD)
  await page.click('button[type=submit]')
  await page.locator('nav.side .row').first().waitFor()
  return page
}

async function open(page, title) {
  await page.locator('nav.side .row').filter({ has: page.locator('.title', { hasText: title }) }).first().click()
  await page.locator('main header .title').filter({ hasText: title }).waitFor()
  await page.locator('.message').last().waitFor()
  await page.mouse.move(0, 0)
}

/** When everything that is asked for over the line has come. */
async function settled(page) {
  await page.waitForLoadState('networkidle')
  await page.evaluate(() => document.fonts.ready)
}

const alex = await signedIn('alex', WIDE)
const mei = await signedIn('mei', WIDE)
await open(mei, 'Alex Novak')
await open(alex, 'Mei')
await alex.locator('#composer').pressSequentially('I have')
await mei.getByText('Alex Novak is typing').waitFor()
await settled(mei)
await mei.screenshot({ path: `${folder}/web-light.png` })

// A message's menu, and a thread beside the group.
await open(mei, 'Greenhouse')
await mei.locator('.thread').first().click()
await mei.getByRole('complementary').locator('.bubble').last().waitFor()
await settled(mei)
await mei.screenshot({ path: `${folder}/web-thread.png` })
await mei.keyboard.press('Escape')
await mei.locator('.message .bubble').filter({ hasText: 'valve' }).last().click({ button: 'right' })
await mei.getByRole('menu').waitFor()
await mei.screenshot({ path: `${folder}/web-menu.png` })
await mei.keyboard.press('Escape')
await mei.getByRole('searchbox').fill('valve')
await mei.locator('.results mark').first().waitFor()
await settled(mei)
await mei.screenshot({ path: `${folder}/web-search.png` })

const amara = await signedIn('amara', { ...WIDE, colorScheme: 'dark' })
await open(amara, 'Greenhouse')
await settled(amara)
await amara.screenshot({ path: `${folder}/web-dark.png` })
await amara.getByRole('button', { name: 'Emoji' }).click()
await amara.getByRole('dialog').locator('.sign').first().waitFor()
await amara.screenshot({ path: `${folder}/web-emoji-dark.png` })

for (const [name, options] of [['light', {}], ['chinese-dark', { locale: 'zh-CN', colorScheme: 'dark' }]]) {
  const phone = await signedIn('jonas', { ...PHONE, ...options })
  await settled(phone)
  await phone.screenshot({ path: `${folder}/web-phone-list-${name}.png` })
  await open(phone, 'Greenhouse')
  await settled(phone)
  await phone.screenshot({ path: `${folder}/web-phone-${name}.png` })
}
await browser.close()
