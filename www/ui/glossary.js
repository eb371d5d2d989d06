// The terms of registry authorization, explained. Only terms that occur in a text are shown.

/** @type {[term: string, pattern: RegExp, explanation: string][]} */
const TERMS = [
  [
    'challenge',
    /\bchalleng/i,
    'A 401 response that says how to authenticate. It names a scheme and, for Bearer, the token service.',
  ],
  [
    'token service',
    /\btoken service/i,
    'A server that authenticates users and issues short-lived tokens for a registry. It may run on another host.',
  ],
  [
    'Basic',
    /\bBasic\b/,
    'An authentication scheme that sends user name and password with a request (RFC 7617). Here, only the key server sends them.',
  ],
  [
    'Bearer',
    /\bBearer\b/,
    'An authentication scheme that sends a token with a request (RFC 6750). Anybody who has the token can use it until it expires, so it is short-lived and kept in memory.',
  ],
  [
    'token',
    /\btoken\b(?! service)/i,
    'A short-lived credential that lists the allowed actions. The registry accepts it instead of a password.',
  ],
  [
    'scope',
    /\bscopes?\b|\b(?:repository|registry):\S+:\S+/,
    'The requested access: a type, a name and actions, such as repository:team/app:pull. Each repository has its own, and so has the catalog.',
  ],
  [
    'credentials',
    /\bcredentials\b/i,
    'User name and password, or a refresh token. They are encrypted in your session, and only the key server can decrypt them.',
  ],
  [
    'session',
    /\bsession\b/i,
    'The result of a login: your credentials, encrypted with the key server’s key, in a cookie that scripts cannot read.',
  ],
  [
    'refresh token',
    /\brefresh token\b/i,
    'A long-lived token with which new tokens are requested, so that the password need not be kept.',
  ],
  [
    'catalog',
    /_catalog|\bcatalog\b/i,
    'The list of all repositories. Many registries show it to administrators only, and some to nobody.',
  ],
  [
    'gateway',
    /\/r\/|\bgateway\b/i,
    'The part of the key server that forwards requests to the registry. Most registries do not allow requests from web pages (CORS).',
  ],
  [
    'manifest',
    /\/manifests\//,
    'The JSON document that a tag refers to: the configuration and layers of one image, or an index that lists one image per platform.',
  ],
]

/**
 * A term and its explanation.
 * @typedef {[term: string, explanation: string]} Term
 */

/**
 * The terms that occur in `text`, in a fixed order.
 * @param {string} text
 * @returns {Term[]}
 */
export function termsIn(text) {
  return TERMS.filter(([, pattern]) => pattern.test(text)).map(([term, , explanation]) => [term, explanation])
}

/**
 * All terms.
 * @returns {Term[]}
 */
export function allTerms() {
  return TERMS.map(([term, , explanation]) => [term, explanation])
}
