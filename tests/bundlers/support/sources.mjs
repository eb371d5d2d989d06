// What a user writes: the same few lines in every environment, without any configuration for dockpass.

/** What `check` returns when both modules work. */
export const WORKS = 'library/alpine nothing_recorded'

const use = `export async function check() {
  await init()
  return parseReference('alpine').repository + ' ' + (await diagnose([])).code
}
`
export const check = `import init, { parseReference } from 'dockpass'
import { diagnose } from 'dockpass/doctor'
${use}`

export const checkInline = `import init, { diagnose, parseReference } from 'dockpass/inline'
${use}`

export const checkCommonJs = `const { default: init, parseReference } = require('dockpass')
const { diagnose } = require('dockpass/doctor')
${use.replace('export ', '')}module.exports = { check }
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
