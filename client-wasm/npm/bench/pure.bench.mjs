// What the hot exports cost beside the packages that people use for the same, in one run: `cargo xtask bench`.
//
// Each function is run in rounds that take turns, so that a machine that grows busy or hot slows all of them alike; of
// each the median and the least of the rounds are given, in nanoseconds per call. What is measured is what a caller gets:
// objects with strings. Every contender reads the same input; what it gives is compared first.

import assert from 'node:assert/strict'
import authHeader from 'auth-header'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { jwtDecode } from 'jwt-decode'
import www from 'www-authenticate'
import init, { inspectToken, parseChallenges } from '../node.js'

await init()

const header =
  'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"'
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
// The shape of Docker Hub's: claims of 400 bytes, and a signature as long as RS256's.
const token = [
  part({ alg: 'RS256', typ: 'JWT', kid: 'PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6' }),
  part({
    access: [
      {
        type: 'repository',
        name: 'library/alpine',
        actions: ['pull'],
        parameters: { pull_limit: '100', pull_limit_interval: '21600' },
      },
    ],
    aud: 'registry.docker.io',
    exp: 1790000300,
    iat: 1790000000,
    iss: 'auth.docker.io',
    jti: 'dckr_jti_pHxWvXUWL2ZzoaBCd3fGh1jkLmN=',
    nbf: 1789999700,
    sub: '',
  }),
  Buffer.alloc(256, 0xa5).toString('base64url'),
].join('.')

const challenges = {
  'dockpass parseChallenges': () => parseChallenges(header),
  'auth-header parse': () => authHeader.parse(header),
  'www-authenticate': () => new www.parsers.WWW_Authenticate(header),
}
const tokens = {
  'dockpass inspectToken': () => inspectToken(token),
  'jose decodeJwt': () => decodeJwt(token),
  'jose decodeJwt + decodeProtectedHeader': () => [decodeProtectedHeader(token), decodeJwt(token)],
  'jwt-decode': () => jwtDecode(token),
}

assert.equal(challenges['dockpass parseChallenges']()[0].params.service, 'registry.docker.io')
assert.equal(challenges['auth-header parse']().params.service, 'registry.docker.io')
assert.equal(challenges['www-authenticate']().parms.service, 'registry.docker.io')
assert.deepEqual(
  /** @type {import('dockpass').JwtInfo} */ (tokens['dockpass inspectToken']()).claims,
  tokens['jose decodeJwt'](),
)
assert.deepEqual(tokens['jwt-decode'](), tokens['jose decodeJwt']())

/** Nanoseconds per call, of each round. */
function measure(contenders, rounds = 60, milliseconds = 12) {
  const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  // One answer of each is kept, as a caller would: without any object of its shape, the collector throws away the engine's
  // knowledge of that shape and the code that was made with it, and every round would begin cold.
  const kept = new Map()
  for (let round = 0; round < rounds; round++) {
    for (const [name, call] of Object.entries(contenders)) {
      const start = process.hrtime.bigint()
      const end = start + BigInt(milliseconds * 1e6)
      let calls = 0
      let now
      do {
        for (let index = 0; index < 100; index++) kept.set(name, call())
        calls += 100
        now = process.hrtime.bigint()
      } while (now < end)
      // The first rounds are for the compiler.
      if (round >= rounds / 4) times[name].push(Number(now - start) / calls)
    }
    globalThis.gc?.()
  }
  assert.equal(kept.size, Object.keys(contenders).length)
  return times
}

function report(title, contenders, peer) {
  const times = measure(contenders)
  const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]
  const base = median(times[peer])
  console.log(`\n${title}`)
  console.log('ns per call'.padEnd(42) + 'median'.padStart(9) + 'least'.padStart(9) + `  × ${peer}`)
  for (const [name, list] of Object.entries(times)) {
    const row = [Math.round(median(list)), Math.round(Math.min(...list))]
      .map((number) => String(number).padStart(9))
      .join('')
    console.log(name.padEnd(42) + row + (median(list) / base).toFixed(2).padStart(6))
  }
}

console.log(`Node ${process.version}, ${process.arch}`)
report(`a challenge of ${header.length} bytes`, challenges, 'auth-header parse')
report(`a token of ${token.length} bytes`, tokens, 'jose decodeJwt')
console.log(`
What bounds them. parseChallenges: half is one crossing and the parser, half the strings and two objects. inspectToken:
half is base64, UTF-8, JSON and every registered claim, checked in the module; a quarter the strings and objects made of
the tape; then encodeInto and decode. jose and jwt-decode check no claim, no signature part, and know no access.`)
