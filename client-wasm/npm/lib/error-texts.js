// What each error code means: what happened, who can fix it, and what to do.

/** @import { Fault } from '../errors.js' */

/** @type {Fault} */
const YOU = 'user'
/** @type {Fault} */
const OPERATOR = 'operator'
/** @type {Fault} */
const REGISTRY = 'registry'
/** @type {Fault} */
const PAGE = 'page'
/** @type {Fault} */
const DOCKPASS = 'dockpass'

const TRY_AGAIN = 'Try again. If it fails again, tell the registry’s administrator.'
const REPORT = 'Report it as a bug, together with the steps of the request.'

/**
 * By code: title, who can fix it, what to do, and the action that is offered.
 * @typedef {[title: string, fault: Fault, text: string, action?: 'login' | 'retry' | 'browse']} ErrorText
 * @type {Record<string, ErrorText>}
 */
export const TEXTS = {
  bad_credentials: [
    'Wrong user name or password',
    YOU,
    'The registry refused them. Check both. If the registry uses access tokens, enter the token as the password.',
  ],
  login_required: ['Login required', YOU, 'The registry does not allow this without a login.', 'login'],
  scope_denied: [
    'Access denied, or not found',
    YOU,
    'Either this account has no access or the name does not exist; registries do not tell which. Log in with another account, or ask for access.',
    'login',
  ],
  missing: [
    'Not found',
    YOU,
    'The registry has no such repository, tag or manifest, or hides it from this account. Check the spelling.',
  ],
  session_expired: ['Your session has expired', YOU, 'Log in again to continue.', 'login'],
  invalid_session: [
    'Your session is no longer valid',
    YOU,
    'You logged out elsewhere, or the key server has new keys. Log in again.',
    'login',
  ],
  session_changed: [
    'Somebody else is logged in now',
    YOU,
    'Another tab of this browser has logged in or out. Check who is logged in, and try again.',
    'retry',
  ],
  registry_mismatch: ['The session belongs to another registry', YOU, 'Log in to this registry.', 'login'],
  invalid_registry: ['Not a valid registry name', YOU, 'Write host or host:port.'],
  non_ascii_host: ['This host name contains non-ASCII characters', YOU, 'Write its punycode form, xn--….'],
  invalid_username: [
    'This user name is not valid',
    YOU,
    'A user name must not contain colons or control characters.',
  ],
  invalid_scope: [
    'Not a valid repository name',
    YOU,
    'Use lower-case letters, digits and . _ - between slashes.',
  ],
  invalid_path: [
    'Not a valid repository name',
    YOU,
    'Use lower-case letters, digits and . _ - between slashes.',
  ],
  invalid_reference: [
    'Not a valid repository name',
    YOU,
    'Write it as team/app, team/app:tag or team/app@sha256:…',
  ],
  credentials_too_large: [
    'User name and password are too long',
    YOU,
    'They do not fit into a session cookie. Use a shorter access token.',
  ],
  rate_limited: [
    'Too many requests',
    YOU,
    'The key server or the registry limits the number of requests. Wait a moment, then try again.',
    'retry',
  ],
  aborted: ['Cancelled', YOU, 'Nothing was changed.', 'retry'],
  registry_open: [
    'This registry needs no login',
    YOU,
    'It does not authenticate users, so your password was not sent. Browse it without logging in.',
    'browse',
  ],
  registry_not_allowed: [
    'The key server is not configured for this registry',
    OPERATOR,
    'Add the registry to the key server’s configuration.',
  ],
  realm_not_allowed: [
    'Unknown token service',
    OPERATOR,
    'The registry names a token service that the key server’s configuration does not list for it. Your password was not sent there. If the token service is right, add it to the registry’s realms in the configuration.',
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
    'Add the page’s origin to cors.allowed_origins in the key server’s configuration.',
  ],
  scope_not_allowed: [
    'The key server does not allow this access',
    OPERATOR,
    'Add the scope to allowed_scopes of the registry in the key server’s configuration.',
  ],
  carrier_not_allowed: [
    'The key server does not accept sessions of this form',
    OPERATOR,
    'Add the other carrier to session.carriers in the key server’s configuration.',
  ],
  key_server_unreachable: [
    'The key server cannot be reached',
    OPERATOR,
    'Check your connection, and that the key server is running.',
    'retry',
  ],
  key_server_invalid: [
    'The key server sent an invalid response',
    OPERATOR,
    'Another program, such as a proxy, may have responded instead of the key server.',
    'retry',
  ],
  upstream_unreachable: [
    'The registry cannot be reached',
    REGISTRY,
    'The key server could not connect to the registry or its token service. Check its address and that it is running.',
    'retry',
  ],
  upstream_timeout: ['The registry did not respond in time', REGISTRY, TRY_AGAIN, 'retry'],
  upstream_failed: ['The registry failed', REGISTRY, TRY_AGAIN, 'retry'],
  upstream_invalid: [
    'The registry sent an invalid response',
    REGISTRY,
    'It does not follow the registry protocol. Check that the configured address is that of a registry.',
    'retry',
  ],
  upstream_redirect: [
    'Unexpected redirect',
    REGISTRY,
    'The registry or token service redirected the request. It was not followed, to protect your password.',
  ],
  upstream_tls: [
    'No secure connection to the registry',
    REGISTRY,
    'The key server does not trust the registry’s certificate. Add the certificate of a private authority to the configuration.',
    'retry',
  ],
  not_a_registry: [
    'No registry at this address',
    REGISTRY,
    'The server at this address is not a container registry. Check the configured address.',
    'retry',
  ],
  challenge_syntax: ['The registry’s challenge is malformed', REGISTRY, REPORT],
  unsupported_scheme: [
    'Unsupported authentication scheme',
    REGISTRY,
    'The registry supports neither Bearer nor Basic authentication.',
  ],
  nested_challenge: [
    'Too many token services',
    REGISTRY,
    'The token service names another token service. dockpass does not follow any further.',
  ],
  token_request_refused: ['The token service refused the request', REGISTRY, REPORT],
  token_rejected: [
    'The registry refused the token of its own token service',
    REGISTRY,
    'Their audiences, issuers or clocks do not match. Tell the registry’s administrator.',
    'retry',
  ],
  registry_unverifiable: [
    'The password cannot be verified',
    REGISTRY,
    'The token service accepts any password, so no session was created. Browse without logging in.',
    'browse',
  ],
  list_incomplete: [
    'The list may go on',
    REGISTRY,
    'The registry names a next page that cannot be followed or read. What is shown is not all.',
    'retry',
  ],
  body_spent: [
    'The registry wanted a fresh token',
    REGISTRY,
    'Nothing was changed. Send the request once more.',
    'retry',
  ],
  digest_mismatch: [
    'The content does not match its digest',
    REGISTRY,
    'It was damaged or replaced, so it is not shown. Try again. If it fails again, do not use this image.',
    'retry',
  ],
  basic_only: [
    'This registry issues no tokens',
    YOU,
    'It can only be reached through the key server’s gateway.',
    'retry',
  ],
  method_not_allowed: [
    'The key server allows reading only',
    OPERATOR,
    'Writing must be enabled in the key server’s configuration.',
  ],
  overloaded: ['The key server is overloaded', OPERATOR, 'Try again in a moment.', 'retry'],
  registry_unavailable: [
    'The registry does not respond',
    REGISTRY,
    'It did not respond to several requests in a row. Try again in a moment.',
    'retry',
  ],
  registry_busy: [
    'The registry is busy',
    OPERATOR,
    'Too many requests to it are in progress at the key server. Try again in a moment.',
    'retry',
  ],
  store_unavailable: [
    'The key server cannot check this session',
    OPERATOR,
    'It cannot reach its store, so it does not know whether the session was logged out. Try again in a moment.',
    'retry',
  ],
  internal: [
    'The key server failed',
    DOCKPASS,
    'Its log contains the cause. Try again. If it fails again, report it as a bug.',
    'retry',
  ],
  invalid_request: ['The key server refused this page’s request', DOCKPASS, REPORT],
  csrf_required: ['The key server refused this page’s request', DOCKPASS, REPORT],
  destination_not_allowed: ['Registry content cannot be loaded as part of a page', DOCKPASS, REPORT],
  unsupported_media_type: ['The key server refused this page’s request', DOCKPASS, REPORT],
  not_found: [
    'The key server does not have this path',
    OPERATOR,
    'Page and key server may have different versions, or a proxy changes paths. Reload the page.',
    'retry',
  ],
  request_timeout: [
    'The request arrived too slowly',
    YOU,
    'The connection to the key server may be slow. Try again.',
    'retry',
  ],
  payload_too_large: [
    'Too large',
    YOU,
    'This page does not load content of this size. Use a command-line client.',
  ],
  headers_too_large: ['The key server refused this page’s request', DOCKPASS, REPORT],
  uri_too_long: ['The name is too long', YOU, 'No registry allows names of this length.'],
  page_not_built: [
    'This key server was built without its page',
    OPERATOR,
    'Build it with cargo xtask dist, which includes the page.',
  ],
  no_registries: ['No registry is configured', OPERATOR, 'The key server’s configuration lists no registry.'],
  ERR_NOT_INITIALIZED: [
    'dockpass is not loaded yet',
    PAGE,
    'Call init() and wait for it before any other function.',
  ],
  ERR_INVALID_ARGUMENT: ['Invalid argument', PAGE, 'The message of the error names it.'],
  ERR_OTHER_ORIGIN: [
    'Not an address of this registry',
    PAGE,
    'Tokens are sent to the registry only. Use a path that starts with /v2/.',
  ],
  ERR_CLOSED: ['This client was closed', PAGE, 'Create a new one with RegistryClient.connect().'],
  ERR_SCOPE_SYNTAX: [
    'Not a valid scope',
    PAGE,
    'Write it as type:name:actions, such as repository:team/app:pull.',
  ],
  ERR_CHALLENGE_SYNTAX: ['The challenge is malformed', REGISTRY, 'The error has its position.'],
  ERR_TOKEN_RESPONSE: ['The token service sent an invalid response', REGISTRY, TRY_AGAIN],
  ERR_NO_WEBCRYPTO: [
    'This browser cannot verify digests here',
    OPERATOR,
    'Browsers provide WebCrypto on https pages and on localhost only. Serve the page over https.',
  ],
  ERR_WASM_LOAD: [
    'The library could not be loaded',
    OPERATOR,
    'It needs WebAssembly and the files of the dockpass package. Reload the page. If it fails again, check that the server delivers dockpass_bg.wasm.',
  ],
  ERR_REFERENCE_SYNTAX: [
    'Not a valid repository name',
    YOU,
    'Write it as team/app, team/app:tag or team/app@sha256:…',
  ],
}

/**
 * For codes that are not in the list.
 * @type {ErrorText}
 */
export const UNKNOWN = ['Something went wrong', DOCKPASS, REPORT, 'retry']
