// Writes src/sdk/generated from the server's own documents:
//   npm run types -- http://127.0.0.1:8080
// REST comes from the running server, frames from docs/asyncapi.json.
import { readFile, writeFile } from 'node:fs/promises'
import openapiTS, { astToString } from 'openapi-typescript'

const HEADER = '// Made by `npm run types`; do not edit.\n\n'
const origin = process.argv[2] ?? 'http://127.0.0.1:8080'
const generated = new URL('../src/sdk/generated/', import.meta.url)

async function write(name, document) {
  const text = astToString(await openapiTS(document, { alphabetize: true }))
  await writeFile(new URL(name, generated), HEADER + text)
}

const answer = await fetch(new URL('/v1/openapi.json', origin))
if (!answer.ok) throw new Error(`${origin} answered ${answer.status}`)
await write('rest.ts', await answer.json())

const asyncapi = JSON.parse(
  await readFile(new URL('../../../docs/asyncapi.json', import.meta.url), 'utf8'),
)
// The schemas are JSON Schema in both kinds of documents.
await write('frames.ts', {
  openapi: '3.1.0',
  info: asyncapi.info,
  paths: {},
  components: { schemas: asyncapi.components.schemas },
})
