// What the hot exports cost beside the packages that people use for the same, in one run in Node.js: `cargo xtask bench`.

import assert from 'node:assert/strict'
import www from 'www-authenticate'
import * as dockpass from '../node.js'
import { groups, header, measure, table } from './contenders.js'

await dockpass.default()

const all = groups({ dockpass })
const [challenges, tokens] = all
challenges.contenders['www-authenticate'] = () => new www.parsers.WWW_Authenticate(header)

assert.equal(challenges.contenders.dockpass()[0].params.service, 'registry.docker.io')
assert.equal(challenges.contenders['auth-header parse']().params.service, 'registry.docker.io')
assert.equal(challenges.contenders['www-authenticate']().parms.service, 'registry.docker.io')
assert.deepEqual(tokens.contenders.dockpass().claims, tokens.contenders['jose decodeJwt']())
assert.deepEqual(tokens.contenders['jwt-decode'](), tokens.contenders['jose decodeJwt']())

console.log(`Node ${process.version}, ${process.arch}`)
for (const group of all) console.log(table(group, measure(group.contenders, { collect: globalThis.gc })))
console.log(`
What bounds them. parseChallenges: half is one crossing and the parser, half the strings and two objects. inspectToken:
half is base64, UTF-8, JSON and every registered claim, checked in the module; a quarter the strings and objects made of
the tape; then encodeInto and decode. jose and jwt-decode check no claim, no signature part, and know no access.`)
