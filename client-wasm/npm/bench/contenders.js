// What is measured, and how: in Node.js and in browsers alike.

import authHeader from 'auth-header'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { jwtDecode } from 'jwt-decode'

export const header =
  'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"'

/** @param {string} bytes One character per byte. */
const base64url = (bytes) => btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const part = (value) => base64url(JSON.stringify(value))

const claims = {
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
}
const kid = 'PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6'
const signature = base64url('\xa5'.repeat(256))

/** The shape of Docker Hub's: claims of 400 bytes, and a signature as long as RS256's. */
export const token = [part({ alg: 'RS256', typ: 'JWT', kid }), part(claims), signature].join('.')

// Older token services of Docker's kind send their certificates with each token.
const certificate = Array.from({ length: 1380 }, (_, at) => 'MIIDabc0+/'[(at * 7) % 10]).join('')
export const tokenWithCertificates = [
  part({ alg: 'RS256', typ: 'JWT', x5c: [certificate, certificate, certificate] }),
  part(claims),
  signature,
].join('.')

/**
 * The functions for each input. Each contender returns what its caller gets: objects with strings.
 * @param {Record<string, Pick<typeof import('dockpass'), 'inspectToken' | 'parseChallenges'>>} packages By the name that is
 *   printed.
 * @returns {{ title: string, peer: string, contenders: Record<string, () => any> }[]}
 */
export function groups(packages) {
  const own = (call) =>
    Object.fromEntries(Object.entries(packages).map(([name, entry]) => [name, () => call(entry)]))
  const tokens = (text) => ({
    ...own(({ inspectToken }) => inspectToken(text)),
    'jose decodeJwt': () => decodeJwt(text),
    'jose decodeJwt + decodeProtectedHeader': () => [decodeProtectedHeader(text), decodeJwt(text)],
    'jwt-decode': () => jwtDecode(text),
  })
  return [
    {
      title: `parseChallenges: a challenge of ${header.length} bytes`,
      peer: 'auth-header parse',
      contenders: {
        ...own(({ parseChallenges }) => parseChallenges(header)),
        'auth-header parse': () => authHeader.parse(header),
      },
    },
    {
      title: `inspectToken: a token of ${token.length} bytes`,
      peer: 'jose decodeJwt',
      contenders: tokens(token),
    },
    {
      title: `inspectToken: a token of ${tokenWithCertificates.length} bytes with certificates`,
      peer: 'jose decodeJwt',
      contenders: tokens(tokenWithCertificates),
    },
  ]
}

/**
 * Nanoseconds per call, of each round. Contenders take turns, so that a machine that grows busy or hot slows all of them.
 * @param {Record<string, () => unknown>} contenders
 * @param {{ rounds?: number, milliseconds?: number, collect?: () => void }} [options]
 */
export function measure(contenders, { rounds = 60, milliseconds = 12, collect } = {}) {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  // One answer of each is kept, as a caller would: without any object of its shape, the collector throws away the engine's
  // knowledge of that shape and the code that was made with it, and every round would begin cold.
  const kept = new Map()
  for (let round = 0; round < rounds; round++) {
    for (const [name, call] of Object.entries(contenders)) {
      const start = performance.now()
      let calls = 0
      let passed
      do {
        for (let index = 0; index < 100; index++) kept.set(name, call())
        calls += 100
        passed = performance.now() - start
      } while (passed < milliseconds)
      // The first rounds are for the compiler.
      if (round >= rounds / 4) times[name].push((passed * 1e6) / calls)
    }
    collect?.()
  }
  if (kept.size !== Object.keys(contenders).length) throw new Error('A contender did not run.')
  return times
}

/**
 * The figures of one group as a table.
 * @param {{ title: string, peer: string }} group
 * @param {Record<string, number[]>} times
 */
export function table({ title, peer }, times) {
  const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]
  const base = median(times[peer])
  const rows = Object.entries(times).map(([name, list]) => {
    const cells = [Math.round(median(list)), Math.round(Math.min(...list))]
    const row = cells.map((number) => String(number).padStart(9)).join('')
    return name.padEnd(42) + row + (median(list) / base).toFixed(2).padStart(6)
  })
  const head = `${'ns per call'.padEnd(42)}${'median'.padStart(9)}${'least'.padStart(9)}  × ${peer}`
  return [`\n${title}`, head, ...rows].join('\n')
}
