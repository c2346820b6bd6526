import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findings } from './axe'
import { bubble, chatWith, composer, House, PHONE, say, type Someone } from './people'

const SHOTS = process.env['E2E_SHOTS'] // a folder to keep pictures in
const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
  await say(mei.page, 'Hello Alex')
  await say(mei.page, 'See https://example.org/')
})
afterAll(() => house.close())

async function shot(page: Page, name: string): Promise<void> {
  if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${name}.png` })
}

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test('each view is accessible', async () => {
    const { page } = mei
    await page.emulateMedia({ colorScheme: theme })
    await page.locator(`html[data-theme=${theme}]`).waitFor()
    for (const [name, keys] of [
      ['conversation', ''], ['details', 'Alt+i'], ['new-chat', 'Alt+n'], ['new-group', 'Alt+g'],
      ['settings', 'Alt+s'], ['shortcuts', 'Control+/'],
    ] as const) {
      if (keys !== '') await page.keyboard.press(keys)
      if (name === 'details') await page.locator('aside').waitFor()
      else if (keys !== '') await page.getByRole('dialog').waitFor()
      await shot(page, `${theme}-${name}`)
      expect(await findings(page), name).toEqual([])
      if (keys !== '') await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
  })

  test.each(['teal', 'violet', 'berry'])('and with the accent %s', async (accent) => {
    const { page } = mei
    await page.emulateMedia({ colorScheme: theme })
    await page.keyboard.press('Alt+s')
    await page.getByRole('radio', { name: new RegExp(accent, 'i') }).check()
    await page.keyboard.press('Escape')
    await page.locator(`html[data-accent=${accent}]`).waitFor()
    expect(await findings(page)).toEqual([])
  })

  test('the welcome page is accessible', async () => {
    const page = await house.page({ colorScheme: theme })
    await page.goto(mei.page.url().split('#')[0] ?? '')
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    expect(await findings(page)).toEqual([])
    await page.close()
  })
})

test('the theme that was chosen stays, whatever the system says', async () => {
  const { page } = alex
  await page.keyboard.press('Alt+s')
  await page.getByRole('radio', { name: 'Dark' }).check()
  await page.reload()
  await page.locator('html[data-theme=dark]').waitFor()
  await page.locator('nav.side').waitFor()
  await page.emulateMedia({ colorScheme: 'light' })
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
})

test('on a phone one pane is shown at a time', async () => {
  const jo = await house.person('Jo', PHONE)
  const { page } = jo
  await page.getByText('No conversations yet').waitFor()
  expect(await findings(page)).toEqual([])
  await page.locator('.nothing').getByRole('button', { name: 'New chat' }).tap()
  await page.getByRole('textbox', { name: 'Handle' }).fill(mei.handle)
  await page.getByRole('button', { name: 'Find' }).tap()
  await composer(page).waitFor()
  expect(await page.locator('nav.side').isVisible()).toBe(false)
  await say(page, 'from a phone')
  await bubble(page, 'from a phone').waitFor()
  await shot(page, 'phone-conversation')
  expect(await findings(page)).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
  await page.getByRole('link', { name: 'Back to the conversations' }).tap()
  await page.locator('nav.side').waitFor()
  await shot(page, 'phone-list')
  expect(await composer(page).isVisible()).toBe(false)
})

test('in Chinese, texts and dates are Chinese', async () => {
  const wei = await house.person('伟', { locale: 'zh-CN' })
  const { page } = wei
  await page.getByText('还没有会话').waitFor()
  expect(await page.locator('html').getAttribute('lang')).toBe('zh-Hans')
  await page.keyboard.press('Alt+n')
  await page.getByRole('textbox', { name: '用户名' }).fill(alex.handle)
  await page.keyboard.press('Enter')
  await say(page, '你好')
  await page.locator('.day').getByText('今天').waitFor()
  expect(await findings(page)).toEqual([])
  await shot(page, 'chinese')
})

test('everything can be done with the keyboard alone', async () => {
  const kim = await house.person('Kim')
  const { page } = kim
  await page.keyboard.press('Alt+n')
  await page.keyboard.type(mei.handle)
  await page.keyboard.press('Enter')
  await composer(page).waitFor()
  // The field has the focus: writing begins at once.
  await page.keyboard.type('first line')
  await page.keyboard.press('Shift+Enter')
  await page.keyboard.type('second line')
  await page.keyboard.press('Enter')
  await page.locator('.bubble').filter({ hasText: 'first line' }).waitFor()

  await page.keyboard.press('Alt+g')
  await page.keyboard.type('Keys')
  await page.keyboard.press('Tab')
  await page.keyboard.type(mei.handle)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Take Mei off' }).waitFor()
  await page.getByRole('textbox', { name: 'Name of the group' }).focus()
  await page.keyboard.press('Enter')
  await page.locator('main header .title').filter({ hasText: 'Keys' }).waitFor()

  await page.keyboard.press('Alt+ArrowDown')
  await page.locator('main header .title').filter({ hasText: 'Mei' }).waitFor()
  await page.keyboard.press('Alt+ArrowUp')
  await page.locator('main header .title').filter({ hasText: 'Keys' }).waitFor()
  await page.keyboard.press('Control+k')
  await page.keyboard.type('mei')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.locator('main header .title').filter({ hasText: 'Mei' }).waitFor()

  await page.keyboard.press('Control+/')
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Alt+i')
  await page.getByRole('complementary').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('complementary').waitFor({ state: 'detached' })
})

test('signing out leaves nothing behind', async () => {
  const { page } = alex
  await page.keyboard.press('Alt+s')
  await page.getByRole('dialog').getByRole('button', { name: /Sign out/ }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await page.reload()
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  expect(await page.getByText('Hello Alex').count()).toBe(0)
})
