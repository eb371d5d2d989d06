// What a user writes: the same few lines in every environment, without any configuration for dockpass.

/** What `check` returns when all modules work. */
export const WORKS = 'library/alpine nothing_recorded basic'

const use = (inits) => `export async function check() {
  await Promise.all([${inits}])
  return [parseReference('alpine').repository, (await diagnose([])).code, parseChallenges('Basic')[0].scheme].join(' ')
}
`
export const check = `import init, { parseReference } from 'dockpass'
import { diagnose } from 'dockpass/doctor'
import initSyntax, { parseChallenges } from 'dockpass/syntax'
${use('init(), initSyntax()')}`

export const checkInline = `import init, { diagnose, parseChallenges, parseReference } from 'dockpass/inline'
${use('init()')}`

export const checkCommonJs = `const { default: init, parseReference } = require('dockpass')
const { diagnose } = require('dockpass/doctor')
const { default: initSyntax, parseChallenges } = require('dockpass/syntax')
${use('init(), initSyntax()').replace('export ', '')}module.exports = { check }
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
