// Accessibility, as far as axe can tell.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Rules broken that matter, as "rule: element". */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axeSource)
  return page.evaluate(async () => {
    interface Result { impact: string; id: string; nodes: { html: string; failureSummary: string }[] }
    const axe = (window as unknown as { axe: { run(): Promise<{ violations: Result[] }> } }).axe
    await Promise.allSettled(document.getAnimations().map((one) => one.effect?.getComputedTiming().iterations === Infinity ? null : one.finished))
    const { violations } = await axe.run()
    return violations
      .filter((one) => one.impact === 'serious' || one.impact === 'critical')
      .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)} ${node.failureSummary}`))
  })
}
