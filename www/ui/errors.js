// Failures in words: what happened, whose move it is, what to do. Chosen by the stable code alone; nothing that the
// registry or its token service wrote is ever shown.

import { el, button, mono } from './dom.js'

const YOU = 'Your move'
const OPERATOR = 'For whoever runs the key server'
const REGISTRY = 'For whoever runs the registry or its token service'
const OURS = 'A fault of dockpass'

const AGAIN = 'Try again; if it stays, tell whoever runs the registry.'
const TELL = 'Copy the authorization flow below and report it.'

// code: [title, whose move, what to do, action]
const TEXTS = {
  bad_credentials: [
    'Wrong user name or password',
    YOU,
    'The registry refused them. Check both; where a registry uses access tokens, the token goes in the password field.',
  ],
  login_required: ['This needs a login', YOU, 'The registry does not answer without one.', 'login'],
  scope_denied: [
    'Not allowed, or not there',
    YOU,
    'This account may not see it, or it does not exist; registries do not tell these apart. Try another account, or ask for access.',
    'login',
  ],
  missing: [
    'Not found',
    YOU,
    'The registry has no such repository, tag or manifest, or hides it from this account. Check the spelling.',
  ],
  session_expired: ['Your session has ended', YOU, 'Log in again to continue where you were.', 'login'],
  invalid_session: [
    'Your session is no longer valid',
    YOU,
    'It was logged out, or the key server has new keys. Log in again.',
    'login',
  ],
  registry_mismatch: ['The session is for another registry', YOU, 'Log in to this registry.', 'login'],
  invalid_registry: ['Not the name of a registry', YOU, 'Write a host, or host:port.'],
  non_ascii_host: ['This host name has letters beyond ASCII', YOU, 'Write it in its punycode form, xn--….'],
  invalid_username: [
    'This user name cannot be used',
    YOU,
    'It must hold neither a colon nor control characters.',
  ],
  invalid_scope: ['Not a repository name', YOU, 'Use lower-case letters, digits and . _ - between slashes.'],
  invalid_path: ['Not a repository name', YOU, 'Use lower-case letters, digits and . _ - between slashes.'],
  invalid_reference: [
    'Not a repository name',
    YOU,
    'Write it as team/app, team/app:tag or team/app@sha256:…',
  ],
  credentials_too_large: [
    'These credentials are too long',
    YOU,
    'They do not fit into a session cookie. Use a shorter access token.',
  ],
  rate_limited: [
    'Too many requests',
    YOU,
    'The key server or the registry asks you to slow down. Wait a little, then try again.',
    'retry',
  ],
  aborted: ['Cancelled', YOU, 'Nothing was changed.', 'retry'],
  registry_open: [
    'This registry needs no login',
    YOU,
    'It answers everyone, so no password was sent. Browse it without logging in.',
    'browse',
  ],
  registry_not_allowed: [
    'The key server does not serve this registry',
    OPERATOR,
    'It has to be added to the key server’s configuration first.',
  ],
  realm_not_allowed: [
    'Unknown token service',
    OPERATOR,
    'The registry sends logins to a token service that the configuration does not pair with it. No password was sent there. If the token service is right, the pair has to be configured.',
  ],
  realm_changed: [
    'The registry now names another token service',
    REGISTRY,
    'Your password was not sent to it. If the change is expected, log in again.',
    'login',
  ],
  origin_not_allowed: [
    'This page may not use this key server',
    OPERATOR,
    'Its address has to be allowed in the key server’s configuration.',
  ],
  key_server_unreachable: [
    'The key server cannot be reached',
    OPERATOR,
    'Check your connection, and that the key server is running.',
    'retry',
  ],
  key_server_invalid: [
    'The key server gave an answer that makes no sense',
    OPERATOR,
    'Something else may be answering at this address, such as a proxy.',
    'retry',
  ],
  upstream_unreachable: [
    'The registry cannot be reached',
    REGISTRY,
    'The key server found no connection to the registry or its token service. Check its address and whether it is running.',
    'retry',
  ],
  upstream_timeout: ['The registry did not answer in time', REGISTRY, AGAIN, 'retry'],
  upstream_failed: ['The registry failed', REGISTRY, AGAIN, 'retry'],
  upstream_invalid: [
    'The registry’s answer makes no sense',
    REGISTRY,
    'It does not follow the protocol. Check that the configured address is a registry’s.',
    'retry',
  ],
  upstream_redirect: [
    'An unexpected redirect',
    REGISTRY,
    'The registry or token service sent the request elsewhere. It was not followed, to protect your password.',
  ],
  upstream_tls: [
    'No trusted connection to the registry',
    REGISTRY,
    'Its certificate is not trusted by the key server. A private authority has to be added to the configuration.',
    'retry',
  ],
  not_a_registry: [
    'There is no registry at this address',
    REGISTRY,
    'Something answers, but not as a container registry. Check the configured address.',
    'retry',
  ],
  challenge_syntax: ['The registry’s challenge is malformed', REGISTRY, TELL],
  unsupported_scheme: [
    'An authentication scheme that is not supported',
    REGISTRY,
    'The registry wants neither Bearer nor Basic.',
  ],
  nested_challenge: [
    'Too many token services',
    REGISTRY,
    'The token service names another token service in turn, deeper than is followed.',
  ],
  token_request_refused: ['The token service refuses the request', REGISTRY, TELL],
  token_rejected: [
    'The registry refuses its own token service’s token',
    REGISTRY,
    'Audience, issuer or clocks of the two do not agree. Tell whoever runs the registry.',
    'retry',
  ],
  registry_unverifiable: [
    'A login would prove nothing here',
    REGISTRY,
    'The token service accepts any password, so no session was made. Browse without logging in.',
    'browse',
  ],
  digest_mismatch: [
    'The content is not what its digest says',
    REGISTRY,
    'It was damaged or replaced on the way, and is not shown. Try again; if it stays, do not use this image.',
    'retry',
  ],
  basic_only: ['This registry gives no tokens', YOU, 'It is reached through the key server only.', 'retry'],
  method_not_allowed: [
    'The key server only reads',
    OPERATOR,
    'Changing things has to be allowed in its configuration.',
  ],
  overloaded: ['The key server is busy', OPERATOR, 'Try again in a moment.', 'retry'],
  internal: [
    'The key server failed',
    OURS,
    'Its log names the cause. Try again; if it stays, report it.',
    'retry',
  ],
  invalid_request: ['The key server does not understand this page', OURS, TELL],
  csrf_required: ['The key server does not take this page for its own', OURS, TELL],
  destination_not_allowed: ['The registry’s content is not served as part of a page', OURS, TELL],
  unsupported_media_type: ['The key server does not understand this page', OURS, TELL],
  not_found: [
    'The key server has no such address',
    OPERATOR,
    'Page and key server may be of different versions, or a proxy changes the paths. Reload the page.',
    'retry',
  ],
  request_timeout: [
    'The request took too long to arrive',
    YOU,
    'The connection to the key server may be slow. Try again.',
    'retry',
  ],
  payload_too_large: ['Too large', YOU, 'It is beyond what is read here. Use a command-line client for it.'],
  uri_too_long: ['The name is too long', YOU, 'No registry has names of that length.'],
  wasm_unavailable: [
    'The library could not be loaded',
    OPERATOR,
    'This page needs WebAssembly and the files of the dockpass package beside it. Reload; if it stays, the key server was built without them.',
  ],
  page_not_built: [
    'This key server was built without its page',
    OPERATOR,
    'Build it with cargo xtask dist, which embeds the page.',
  ],
  no_registries: ['No registry is configured', OPERATOR, 'The key server’s configuration lists none.'],
}

// Misuse of the library by this page, and what a browser lacks.
Object.assign(TEXTS, {
  ERR_NO_WEBCRYPTO: [
    'This browser cannot check digests here',
    OPERATOR,
    'Browsers hash only on https pages and on localhost. Serve the page over https.',
  ],
  ERR_REFERENCE_SYNTAX: TEXTS.invalid_reference,
  ERR_INVALID_ARGUMENT: TEXTS.invalid_reference,
})

const UNKNOWN = ['Something went wrong', OURS, TELL, 'retry']

/** The stable code of anything that was thrown. */
export function codeOf(error) {
  if (error?.name === 'AbortError') return 'aborted'
  return typeof error?.code === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(error.code)
    ? error.code
    : 'internal_page'
}

/** Whether it was thrown only because somebody cancelled. */
export const isAbort = (error) => codeOf(error) === 'aborted'

/** Whether the code has words of its own here. */
export const isKnown = (code) => Object.hasOwn(TEXTS, code)

/** What a code means: `{title, whose, what, action}`. */
export function explain(code) {
  const [title, whose, what, action] = isKnown(code) ? TEXTS[code] : UNKNOWN
  return { title, whose, what, action }
}

const ACTION_LABELS = { login: 'Log in', retry: 'Try again', browse: 'Browse without logging in' }

/**
 * The box that tells of a failure. `actions` maps `login`, `retry` and `browse` to functions; the code decides which of
 * them is offered. `words` may replace `{title, whose, what}` where the place says more than the code; `also` is more content.
 */
export function errorBox(error, actions = {}, words = null, ...also) {
  const code = codeOf(error)
  const { title, whose, what, action, mild } = { ...explain(code), ...words }
  const run = action && actions[action]
  const wait =
    Number.isFinite(error?.retryAfter) && error.retryAfter > 0
      ? ` The wait it asks for: ${Math.ceil(error.retryAfter / 1000)} s.`
      : ''
  const request =
    typeof error?.requestId === 'string' && /^[\w-]{1,64}$/.test(error.requestId) ? error.requestId : null
  return el(
    'div',
    { class: mild ? 'error mild' : 'error', role: 'alert', testid: 'error', 'data-code': code },
    el('p', { class: 'error-title' }, title),
    el('p', {}, what + wait),
    also,
    el(
      'p',
      { class: 'error-foot' },
      `${whose} · `,
      mono(code),
      request && [' · request ', mono(request, { testid: 'request-id' })],
    ),
    run &&
      button((action === 'login' && actions.loginLabel) || ACTION_LABELS[action], () => run(), {
        class: 'second',
        testid: `error-${action}`,
      }),
  )
}
