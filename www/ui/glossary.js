// The words of registry authorization, explained in a sentence or two. Shown on demand, only for words that occur.

const TERMS = [
  [
    'challenge',
    /\bchalleng/i,
    'The registry’s way to say “not like this”: an answer 401 that states how to ask instead. It names a scheme and, for Bearer, where tokens come from.',
  ],
  [
    'token service',
    /\btoken service/i,
    'A server that checks who you are and hands out short-lived tokens for one registry. It may run beside the registry or on another host.',
  ],
  [
    'Basic',
    /\bBasic\b/,
    'User name and password sent with a request (RFC 7617). Here only the key server ever sends them.',
  ],
  [
    'Bearer',
    /\bBearer\b/,
    'A token sent with a request (RFC 6750). Whoever holds it may use it until it expires, so it is kept short-lived and in memory.',
  ],
  [
    'token',
    /\btoken\b(?! service)/i,
    'A short-lived pass that lists what may be done. The registry reads it and needs no password.',
  ],
  [
    'scope',
    /\bscopes?\b|\b(?:repository|registry):\S+:\S+/,
    'What is asked for: a type, a name and actions, such as repository:team/app:pull. Each repository, and the catalog, has its own.',
  ],
  [
    'credentials',
    /\bcredentials\b/i,
    'User name and password, or a refresh token. They lie sealed in your session and only the key server can open it.',
  ],
  [
    'session',
    /\bsession\b/i,
    'What a login leaves: your credentials encrypted under the key server’s key, in a cookie that this page’s script cannot read.',
  ],
  [
    'refresh token',
    /\brefresh token\b/i,
    'A long-lived pass that fetches new tokens, so that the password itself need not be kept.',
  ],
  [
    'catalog',
    /_catalog|\bcatalog\b/i,
    'The list of all repositories. Many registries show it to administrators only, and some to nobody.',
  ],
  [
    'gateway',
    /\/r\/|\bgateway\b/i,
    'The part of the key server that relays requests to the registry, because registries rarely let a web page ask them directly.',
  ],
  [
    'manifest',
    /\/manifests\//,
    'The document behind a tag: the configuration and layers of one image, or an index that lists one image per platform.',
  ],
]

/** The terms that `text` mentions, as `[term, explanation]` pairs in a fixed order. */
export function termsIn(text) {
  return TERMS.filter(([, pattern]) => pattern.test(text)).map(([term, , explanation]) => [term, explanation])
}

/** All terms, as `[term, explanation]` pairs. */
export function allTerms() {
  return TERMS.map(([term, , explanation]) => [term, explanation])
}
