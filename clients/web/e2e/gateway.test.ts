import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { bubble, chatWith, composer, House, openConversation, say, type Someone } from './people'

const house = new House()
let mei: Someone
let alex: Someone

beforeAll(async () => {
  mei = await house.person('Mei')
  alex = await house.person('Alex')
  await chatWith(mei, alex)
  await say(mei.page, 'before')
  await openConversation(alex.page, 'Mei')
})
afterAll(() => house.close())

/** Kill the gateway of the server under test; its supervisor starts another. */
function killGateway(server: number): void {
  const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(server)]).toString()
  const gateway = /^\s*(\d+) .*services\.gateway/m.exec(children)?.[1]
  if (gateway === undefined) throw new Error(`no gateway among:\n${children}`)
  process.kill(Number(gateway), 'SIGKILL')
}

test.skipIf(inject('server') === 0)('the gateway dies in the middle of a talk, and nothing is missed', async () => {
  await composer(mei.page).fill('half a sent')
  killGateway(inject('server'))
  await composer(mei.page).fill('half a sentence, and the rest')
  await composer(mei.page).press('Enter')
  await say(alex.page, 'said meanwhile')
  await bubble(alex.page, 'half a sentence, and the rest').waitFor()
  await bubble(mei.page, 'said meanwhile').waitFor()
  await bubble(mei.page, 'half a sentence, and the rest').locator('[data-status=read]').waitFor()
  for (const { page } of [mei, alex]) {
    expect(await page.locator('.message .text').allInnerTexts()).toHaveLength(3)
    await page.locator('.bar').waitFor({ state: 'detached' })
  }
  house.takeFaults() // the browser reports the lost sockets itself
})
