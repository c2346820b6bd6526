// Files, threads, mentions and forwarding: people in several browsers.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findings } from './axe'
import { bubble, chatWith, composer, House, openConversation, say, type Someone } from './people'

const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
  await say(mei.page, 'hello')
  await openConversation(alex.page, 'Mei')
  await bubble(alex.page, 'hello').waitFor()
})
afterAll(() => house.close())

test('a picture and a text file are sent, seen and fetched', async () => {
  const png = await mei.page.screenshot({ clip: { x: 0, y: 0, width: 640, height: 400 } })
  await mei.page.locator('input[type=file]').setInputFiles([
    { name: 'view.png', mimeType: 'image/png', buffer: png },
    { name: 'notes 笔记.txt', mimeType: 'text/plain', buffer: Buffer.from('some notes\n') },
  ])
  await expect.poll(() => mei.page.locator('.strip li.done').count(), { timeout: 20_000 }).toBe(2)
  expect(await findings(mei.page)).toEqual([])
  await say(mei.page, 'the view from here')
  const shown = alex.page.locator('.bubble').filter({ hasText: 'the view from here' })
  const picture = shown.locator('.picture img.sharp')
  await picture.waitFor()
  await expect.poll(() => picture.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(100)
  await shown.locator('.file').filter({ hasText: 'notes 笔记.txt' }).waitFor()
  const [fetched] = await Promise.all([
    alex.page.waitForEvent('download'),
    shown.locator('.file').click(),
  ])
  expect(fetched.suggestedFilename()).toBe('notes 笔记.txt')
  await shown.locator('.picture').click()
  await alex.page.getByRole('dialog', { name: 'view.png' }).locator('.stage img').waitFor()
  expect(await findings(alex.page)).toEqual([])
  await alex.page.keyboard.press('Escape')
  await mei.page.locator('.message.mine .picture img.sharp').waitFor()
})

test('a file that is too large or of a wrong kind is refused, and can be taken off', async () => {
  await mei.page.locator('input[type=file]').setInputFiles([
    { name: 'tool.png', mimeType: 'image/png', buffer: Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01'), Buffer.alloc(64)]) },
  ])
  await mei.page.locator('.strip li.failed').waitFor()
  expect(await mei.page.locator('.composer .send').isDisabled()).toBe(true)
  await mei.page.getByRole('button', { name: 'Take tool.png off' }).click()
  await mei.page.locator('.strip').waitFor({ state: 'detached' })
  house.takeFaults() // the browser reports the refusal itself
})

test('a pasted picture is attached', async () => {
  await composer(mei.page).focus()
  await mei.page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 32
    canvas.getContext('2d')?.fillRect(0, 0, 16, 16)
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
    const data = new DataTransfer()
    if (blob) data.items.add(new File([blob], 'pasted.png', { type: 'image/png' }))
    document.querySelector('#composer')?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
  })
  await mei.page.locator('.strip li.done').filter({ hasText: 'pasted.png' }).waitFor()
  await mei.page.locator('form.composer .send').click()
  await alex.page.getByRole('button', { name: 'Open the picture pasted.png' }).waitFor()
})

test('a thread stands beside the conversation', async () => {
  await alex.page.locator('.message').filter({ has: alex.page.getByText('hello', { exact: true }) }).locator('.bubble').click({ button: 'right' })
  await alex.page.getByRole('menuitem', { name: 'Reply in thread' }).click()
  const panel = alex.page.getByRole('complementary', { name: 'Thread' })
  await panel.locator('textarea').fill('aside')
  await panel.locator('textarea').press('Enter')
  await panel.locator('.bubble').filter({ hasText: 'aside' }).waitFor()
  await mei.page.locator('.thread').filter({ hasText: '1 reply' }).click()
  const other = mei.page.getByRole('complementary', { name: 'Thread' })
  await other.locator('.bubble').filter({ hasText: 'aside' }).waitFor()
  await other.locator('textarea').fill('me too')
  await other.locator('textarea').press('Enter')
  await panel.locator('.bubble').filter({ hasText: 'me too' }).waitFor()
  await alex.page.locator('.thread').filter({ hasText: '2 replies' }).waitFor()
  expect(await alex.page.locator('.column .message').filter({ hasText: 'aside' }).count()).toBe(0)
  expect(await findings(mei.page)).toEqual([])
  await mei.page.keyboard.press('Escape')
  await other.waitFor({ state: 'detached' })
  await alex.page.keyboard.press('Escape')
})

test('a message is forwarded, and a mention is suggested and shown', async () => {
  const { page } = mei
  await page.locator('nav.side header').getByRole('button', { name: 'New group' }).click()
  await page.getByRole('textbox', { name: 'Name of the group' }).fill('Garden')
  await page.getByRole('checkbox', { name: /Alex/ }).check()
  await page.getByRole('button', { name: 'Create group' }).click()
  await page.locator('main header .title').filter({ hasText: 'Garden' }).waitFor()
  await composer(page).pressSequentially('look @al')
  await page.getByRole('option', { name: /Alex/ }).waitFor()
  await page.keyboard.press('Enter')
  expect(await composer(page).inputValue()).toBe(`look @${alex.handle} `)
  await page.keyboard.press('Enter')
  await openConversation(alex.page, 'Garden')
  await alex.page.locator('.mention.me').filter({ hasText: alex.handle }).waitFor()

  await page.locator('nav.side .row').filter({ has: page.locator('.title', { hasText: 'Alex' }) }).click()
  await page.locator('main header .title').filter({ hasText: 'Alex' }).waitFor()
  await page.locator('.message').filter({ has: page.getByText('hello', { exact: true }) }).locator('.bubble').click({ button: 'right' })
  await page.getByRole('menuitem', { name: 'Forward' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Garden' }).click()
  await alex.page.locator('.bubble').filter({ hasText: 'Forwarded from Mei' }).filter({ hasText: 'hello' }).waitFor()
})
