// Writes src/sdk/generated from the server's own documents:
//   npm run types -- http://127.0.0.1:8080
// REST comes from the running server (or a file with its document), frames from docs/asyncapi.json.
import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'

const HEADER = '// Made by `npm run types`; do not edit.\n\n'
const GENERATED = new URL('../src/sdk/generated/', import.meta.url)
const ASYNCAPI = new URL('../../../docs/asyncapi.json', import.meta.url)

/** The text of frames.ts. */
export async function framesOf() {
  const asyncapi = JSON.parse(await readFile(ASYNCAPI, 'utf8'))
  // The schemas are JSON Schema in both kinds of documents.
  return textOf({
    openapi: '3.1.0',
    info: asyncapi.info,
    paths: {},
    components: { schemas: asyncapi.components.schemas },
  })
}

/** The text of rest.ts. */
async function restOf(origin) {
  if (origin.endsWith('.json')) return textOf(JSON.parse(await readFile(origin, 'utf8')))
  const answer = await fetch(new URL('/v1/openapi.json', origin))
  if (!answer.ok) throw new Error(`${origin} answered ${answer.status}`)
  return textOf(await answer.json())
}

async function textOf(document) {
  return HEADER + astToString(await openapiTS(document, { alphabetize: true }))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const origin = process.argv[2] ?? 'http://127.0.0.1:8080'
  await writeFile(new URL('rest.ts', GENERATED), await restOf(origin))
  await writeFile(new URL('frames.ts', GENERATED), await framesOf())
}
