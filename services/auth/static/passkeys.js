// Passkeys on the pages of auth: asks the browser, puts its answer into the form, sends the form.
//
// A form with data-passkey="create" or "get" is filled in when it is sent. Without this script, or
// in a browser that knows no passkeys, its button stays hidden and the page says so.
'use strict'

const supported = typeof window.PublicKeyCredential === 'function' && window.isSecureContext

function bytes(text) {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (char) => char.charCodeAt(0))
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer))
  return btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

// What PublicKeyCredential.parse…OptionsFromJSON does, for browsers that do not have it yet.
function decoded(options) {
  const named = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }))
  const ready = { ...options, challenge: bytes(options.challenge) }
  if (options.user) ready.user = { ...options.user, id: bytes(options.user.id) }
  if (options.excludeCredentials) ready.excludeCredentials = named(options.excludeCredentials)
  if (options.allowCredentials) ready.allowCredentials = named(options.allowCredentials)
  return ready
}

// What PublicKeyCredential.toJSON does, likewise.
function encoded(credential) {
  const { response } = credential
  const answer = { clientDataJSON: text(response.clientDataJSON) }
  if (response.attestationObject) {
    answer.attestationObject = text(response.attestationObject)
    answer.transports = response.getTransports?.() ?? []
  } else {
    answer.authenticatorData = text(response.authenticatorData)
    answer.signature = text(response.signature)
    if (response.userHandle) answer.userHandle = text(response.userHandle)
  }
  return {
    id: credential.id,
    rawId: credential.id,
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
    response: answer,
  }
}

async function asked(form) {
  const body = new URLSearchParams({
    form_token: form.elements.form_token.value,
    purpose: form.dataset.purpose,
  })
  const answer = await fetch('/connect/passkey/options', { method: 'POST', body, credentials: 'same-origin' })
  if (!answer.ok) throw new Error(`options: ${answer.status}`)
  const publicKey = decoded(await answer.json())
  return form.dataset.passkey === 'create'
    ? navigator.credentials.create({ publicKey })
    : navigator.credentials.get({ publicKey })
}

function say(form, what) {
  for (const one of form.querySelectorAll('[data-said]')) one.hidden = one.dataset.said !== what
}

function reason(error) {
  if (error.name === 'NotAllowedError' || error.name === 'AbortError') return 'cancelled'
  return error.name === 'InvalidStateError' ? 'known' : 'failed'
}

async function fill(event) {
  const form = event.currentTarget
  event.preventDefault()
  const button = form.querySelector('[data-needs-script]')
  button.disabled = true
  say(form, '')
  try {
    form.elements.credential.value = JSON.stringify(encoded(await asked(form)))
    form.submit() // not a second event
  } catch (error) {
    say(form, reason(error))
    button.disabled = false
    button.focus()
  }
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!supported) continue
  form.hidden = false
  form.querySelector('[data-unsupported]').hidden = true
  form.querySelector('[data-needs-script]').hidden = false
  form.addEventListener('submit', fill)
}
