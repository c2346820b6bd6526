import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decode } from '@/sdk/core/frames'

const document = JSON.parse(
  readFileSync(new URL('../../../docs/asyncapi.json', import.meta.url), 'utf8'),
)
interface Property {
  enum?: string[]
  type?: string
  $ref?: string
}
interface Schema {
  properties: Record<string, Property>
  required: string[]
}
const schemas = Object.values(document.components.schemas) as Schema[]
const messages = document.components.messages as Record<string, { description: string }>

/** A value of a schema's type. */
function sample(property: Property): unknown {
  // The only one that is named elsewhere: an error code.
  if (property.$ref !== undefined) return 'invalid'
  if (property.enum !== undefined) return property.enum[0]
  switch (property.type) {
    case 'string':
      return 'text'
    case 'integer':
    case 'number':
      return 1
    case 'boolean':
      return true
    case 'array':
      return []
    default:
      return {}
  }
}

const fromServer = schemas.filter((schema) => {
  const type = schema.properties?.['type']?.enum?.[0]
  const description = type === undefined ? '' : (messages[type]?.description ?? '')
  return description.includes('gateway → client') || type === 'typing'
})

test('the document names frames from the server', () => {
  expect(fromServer.length).toBeGreaterThanOrEqual(12)
})

test.each(fromServer.map((schema) => [schema.properties['type']?.enum?.[0] ?? '', schema] as const))(
  'a %s is read with what it must have, and with more',
  (type, schema) => {
    const frame = Object.fromEntries(
      schema.required.map((name) => [name, sample(schema.properties[name] ?? {})]),
    )
    expect(decode(JSON.stringify(frame))?.type).toBe(type)
    expect(decode(JSON.stringify({ ...frame, unheard_of: 1 }))?.type).toBe(type)
  },
)

test.each([
  'not json',
  '[]',
  '3',
  'null',
  '{}',
  '{"type":"fireworks"}',
  '{"type":"constructor"}',
  '{"type":"event","conversation":"c","seq":"4","kind":"k","sender":"s","time":"t","body":{}}',
  '{"type":"event","conversation":"c","seq":-1,"kind":"k","sender":"s","time":"t","body":{}}',
  '{"type":"ping","heads":[["c"]]}',
  '{"type":"presence","conversation":"c","users":[{"user":"u","state":"asleep"}]}',
])('%s is skipped', (text) => {
  expect(decode(text)).toBeNull()
})
