// Profiles, and the way to become contacts: two people in two browsers.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findings } from './axe'
import { chatWith, House, say, type Someone } from './people'

const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
  await say(mei.page, 'hello')
})
afterAll(() => house.close())

async function open({ page }: Someone, what: string): Promise<void> {
  await page.getByRole('button', { name: /: Settings$/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: what }).click()
}

test('a profile is edited, with a picture, and seen by others', async () => {
  const { page } = alex
  await open(alex, 'Edit profile')
  const dialog = page.getByRole('dialog', { name: 'Edit profile' })
  const png = await page.screenshot({ clip: { x: 0, y: 0, width: 200, height: 200 } })
  await dialog.locator('input[type=file]').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: png })
  await dialog.getByRole('button', { name: 'Take the picture away' }).waitFor()
  await dialog.getByLabel('Name', { exact: true }).fill('Alex Novak')
  await dialog.getByRole('button', { name: 'On holiday' }).click()
  await dialog.getByLabel('Ends').selectOption('1h')
  await dialog.getByLabel('Time zone').selectOption('Europe/Prague')
  expect(await findings(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })

  await mei.page.getByRole('button', { name: 'Details' }).last().click()
  const panel = mei.page.locator('aside.panel')
  await panel.locator('.status').filter({ hasText: 'On holiday' }).waitFor()
  await panel.getByText('Europe/Prague').waitFor()
  expect(await findings(mei.page)).toEqual([])
})

test('somebody asks, is accepted, gets a note, is blocked and let in again', async () => {
  const panel = mei.page.locator('aside.panel')
  await panel.getByRole('button', { name: 'Add to contacts' }).click()
  await panel.getByLabel('A word on who you are').fill('Mei from the harbour')
  await mei.page.keyboard.press('Enter')
  await panel.getByText('You have asked to be a contact.').waitFor()

  await open(alex, 'Contacts')
  const list = alex.page.getByRole('dialog', { name: 'Contacts' })
  await list.getByText('Mei from the harbour').waitFor()
  expect(await findings(alex.page)).toEqual([])
  await list.getByRole('button', { name: 'Accept Mei' }).click()
  await list.locator('.contacts li').filter({ hasText: mei.handle }).waitFor()

  await panel.getByLabel('Private note').fill('from the harbour')
  await panel.getByRole('button', { name: 'Save' }).click()
  await open(mei, 'Contacts')
  await mei.page.locator('.contacts li').filter({ hasText: 'from the harbour' }).waitFor()
  await mei.page.keyboard.press('Escape')

  await panel.getByRole('button', { name: 'Block', exact: true }).click()
  await mei.page.getByRole('alertdialog').getByRole('button', { name: 'Block' }).click()
  await panel.getByText('You have blocked this person.').waitFor()
  await panel.getByRole('button', { name: 'Unblock' }).click()
  await panel.getByText('You have blocked this person.').waitFor({ state: 'detached' })
})
