// Finding messages and people, and what one sets for oneself about conversations.
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findings } from './axe'
import { bubble, chatWith, House, openConversation, say, type Someone } from './people'

const house = new House()
let mei: Someone
let alex: Someone
let zoe: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  zoe = await house.person(`Zoe${Date.now().toString(36)}`)
  await chatWith(mei, alex)
  await say(mei.page, 'the lantern is in the cellar')
  await say(mei.page, '灯笼在地下室')
  await bubble(mei.page, '灯笼在地下室').locator('[data-status=sent], [data-status=delivered]').waitFor()
  await chatWith(mei, zoe)
  // The composer of the conversation with Alex is there already: wait for the other one's.
  await mei.page.locator('main header .title').filter({ hasText: zoe.name }).waitFor()
  await say(mei.page, 'hello')
})
afterAll(() => house.close())

function row(who: Someone, title: string): Locator {
  return who.page.locator('nav.side .row').filter({ has: who.page.locator('.title', { hasText: title }) })
}

test('a message is found by a word, in two scripts, and shown in its place', async () => {
  const { page } = mei
  for (const [word, text] of [['lantern', 'the lantern is in the cellar'], ['地下室', '灯笼在地下室']] as const) {
    await page.getByRole('searchbox').fill(word)
    const hit = page.locator('.results .hit.message').filter({ has: page.locator('mark', { hasText: word }) })
    await hit.waitFor()
    expect(await findings(page)).toEqual([])
    await hit.click()
    await page.locator('.message.flash').filter({ hasText: text }).waitFor()
    await page.getByRole('searchbox').fill('') // else the list shows what was found only
    await openConversation(page, zoe.name)
  }
})

test('a person is found by name, and written to', async () => {
  const { page } = alex
  await page.getByRole('searchbox').fill(zoe.name)
  await page.locator('.results .hit').filter({ hasText: zoe.handle }).click()
  await page.locator('main header .title').filter({ hasText: zoe.name }).waitFor()
})

test('conversations are kept at the top, muted, archived and marked, on all devices', async () => {
  const { page } = mei
  const choose = async (title: string, action: string): Promise<void> => {
    await row(mei, title).click({ button: 'right' })
    await page.getByRole('menu').getByText(action, { exact: true }).click()
  }
  await choose('Alex', 'Keep at the top')
  await expect.poll(() => page.locator('nav.side .row .title').first().innerText()).toBe('Alex')
  await choose('Alex', 'Mute')
  await row(mei, 'Alex').getByText('muted').waitFor({ state: 'attached' })
  await openConversation(page, 'Alex')
  await choose(zoe.name, 'Mark as unread')
  await row(mei, zoe.name).locator('.badge.dot').waitFor()
  await row(mei, zoe.name).click()
  await row(mei, zoe.name).locator('.badge.dot').waitFor({ state: 'detached' })
  await choose(zoe.name, 'Archive')
  await page.getByRole('button', { name: '1 archived conversation' }).click()
  await row(mei, zoe.name).waitFor()
  expect(await findings(page)).toEqual([])
  await choose(zoe.name, 'Take out of the archive')
  await page.getByRole('button', { name: 'Conversations' }).click()
  await row(mei, zoe.name).waitFor()
  await page.reload()
  await row(mei, 'Alex').getByText('muted').waitFor({ state: 'attached' })
})

test('a day is gone to', async () => {
  const { page } = mei
  await openConversation(page, 'Alex')
  await page.getByRole('button', { name: 'More', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Go to a date' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Go' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await bubble(page, 'the lantern is in the cellar').waitFor()
})
