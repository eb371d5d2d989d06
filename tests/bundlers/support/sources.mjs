// What a user writes: the same few lines in every environment, without any configuration for dockpass.

/** What `check` returns when all modules work. */
export const WORKS = 'library/alpine nothing_recorded basic localhost:1'

const use = (inits) => `export async function check() {
  await Promise.all([${inits}])
  // With the bearer carrier, nothing is requested. jsdom has no fetch.
  const client = await RegistryClient.connect({ keyServer: 'http://127.0.0.1:1', carrier: 'bearer', registry: 'LOCALHOST:1', fetch: () => {} })
  return [parseReference('alpine').repository, (await diagnose([])).code, parseChallenges('Basic')[0].scheme, client.registry].join(' ')
}
`
export const check = `import init, { parseReference } from 'dockpass'
import initClient, { RegistryClient } from 'dockpass/client'
import { diagnose } from 'dockpass/doctor'
import initSyntax, { parseChallenges } from 'dockpass/syntax'
${use('init(), initClient(), initSyntax()')}`

export const checkInline = `import init, { RegistryClient, diagnose, parseChallenges, parseReference } from 'dockpass/inline'
${use('init()')}`

export const checkCommonJs = `const { default: init, parseReference } = require('dockpass')
const { default: initClient, RegistryClient } = require('dockpass/client')
const { diagnose } = require('dockpass/doctor')
const { default: initSyntax, parseChallenges } = require('dockpass/syntax')
${use('init(), initClient(), initSyntax()').replace('export ', '')}module.exports = { check }
`

/** The script of a page, which shows the result as the title and posts it. */
export const pageScript = (from = './check.js') => `import { check } from '${from}'
check()
  .catch((error) => error + ' ' + error.cause)
  .then((result) => {
    document.title = 'result: ' + result
    if (location.hash === '') fetch('/result', { method: 'POST', body: result }).catch(() => {})
  })
`

export const html = (script) =>
  `<!doctype html><title>none</title><script type="module" src="${script}"></script>`

/** A program that prints the result. */
export const program = `import { check } from './check.js'
check().then((result) => console.log(result))
`
