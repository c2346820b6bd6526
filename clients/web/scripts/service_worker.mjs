// Writes dist/sw.js from worker.js: with the files of the shell, and a version that changes with
// any of them.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

const SHELL = /^assets\/.*(?<!\b(en|zh)-[\w-]+)\.(js|css)$/ // not the emoji: they come when needed
const FONT = /^assets\/geist-latin-wght[^/]*\.woff2$/
const PUBLIC = ['/mark.svg', '/mark-unread.svg', '/manifest.webmanifest']

/** A Vite plugin. */
export function serviceWorker() {
  return {
    name: 'agileim-service-worker',
    apply: 'build',
    enforce: 'post',
    async generateBundle(_, bundle) {
      const worker = await readFile(new URL('worker.js', import.meta.url), 'utf8')
      const built = Object.keys(bundle).filter((name) => SHELL.test(name) || FONT.test(name))
      const files = ['/', ...PUBLIC, ...built.sort().map((name) => `/${name}`)]
      const hash = createHash('sha256').update(worker).update(files.join('\n'))
      for (const name of PUBLIC) hash.update(await readFile(new URL(`../public${name}`, import.meta.url)))
      hash.update(bundle['index.html']?.source ?? '')
      const version = hash.digest('hex').slice(0, 16)
      const source = worker
        .replace('/* global __VERSION__, __FILES__ */\n', '')
        .replace('${__VERSION__}', version)
        .replace('= __FILES__', `= ${JSON.stringify(files)}`)
      this.emitFile({ type: 'asset', fileName: 'sw.js', source })
    },
  }
}
