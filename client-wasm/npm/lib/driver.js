// Drives the module's flow with `fetch`: sends its requests, reports the responses, and returns the last one. The flow
// decides what is sent with which authorization.

import { DockpassError, argumentError } from './error.js'
import { discard, failure, race } from './failure.js'
import { reading } from './functions.js'
import { PAGE_HEADER, isProblem } from './key-server.js'
import { retryAfter } from './transport.js'
import { clientMemory, writeAll } from './wasm.js'

/**
 * @import { DriveContext, FlowStep } from './types.js'
 * @import { Flow } from './core.js'
 * @import { Route } from './route.js'
 */

/**
 * A request that can be sent more than once, from the arguments of `fetch`.
 * @param {Route} route
 * @param {string} path
 * @param {unknown} input
 * @param {RequestInit} [init]
 */
export async function outgoing(route, path, input, init) {
  try {
    // A Request has all the properties of an init, so it can be used as one to change its URL.
    const theirs =
      input instanceof Request ? (init === undefined ? input.clone() : new Request(input, init)) : init
    const moved = new Request(route.prefix + path, theirs)
    // The gateway follows redirects itself. A redirect that arrives here would send the token to another server.
    const redirect = route.gateway && moved.redirect === 'follow' ? 'error' : moved.redirect
    const request = new Request(moved, { credentials: 'omit', redirect })
    // The flow decides about authorization.
    request.headers.delete('authorization')
    if (route.gateway) request.headers.set(PAGE_HEADER, '1')
    return request
  } catch (cause) {
    const { unusable } = await import('./more.js')
    throw argumentError(unusable(route.prefix + path, input, init), cause)
  }
}

/**
 * Sends a request and everything that its challenges require.
 * @param {DriveContext} context
 * @param {string} path
 * @param {Request} request
 * @returns {Promise<Response>} Its body still streams.
 */
export async function drive(context, path, request) {
  const { identity, route, transport, keyServer, call } = context
  const flow = begin(context, request.method, path)
  /** @type {Response | undefined} */
  let last
  /** The key server's last error: it has more fields than the flow keeps. @type {DockpassError | undefined} */
  let refusal
  /** The last token that was sent. @type {string | undefined} */
  let bearer
  try {
    for (;;) {
      const module = clientMemory()
      /** @type {FlowStep} */
      const step = module.result(flow.step(Date.now(), true))
      for (const record of step.steps ?? []) call.record(record)
      if (step.do === 'done') {
        if (last === undefined) throw new Error('The flow has ended without a response.')
        return last
      }
      if (step.do === 'token') {
        try {
          const { token } = await race(request.signal, identity.token(step, call))
          flow.token(module.write(token))
        } catch (error) {
          if (error.code === 'aborted' || error.code === 'session_changed' || error.code === undefined)
            throw error
          refusal = identity.failed(error)
          const [code, end] = writeAll(error.code, error.step ?? 'key_server')
          flow.token_failed(code, end, error.status ?? 0)
        }
        continue
      }
      if (last) await discard(last)
      if (step.do === 'fail') {
        if (refusal?.code === step.code) throw refusal
        const { do: _do, steps: _steps, ...fields } = step
        await explainToken(fields, bearer, last)
        if (fields.code === 'rate_limited' && last) fields.retryAfter = retryAfter(last.headers)
        throw new DockpassError(/** @type {ConstructorParameters<typeof DockpassError>[0]} */ (fields))
      }
      bearer = step.token ?? bearer
      last = await send(context, request, step)
      if (last !== undefined && route.gateway && keyServer && isProblem(last)) {
        throw identity.failed(await keyServer.problem(last, call))
      }
      if (last !== undefined) report(flow, last)
      else if (route.gateway && keyServer) throw await keyServer.unreachable(request)
      else {
        const isAuthorized = step.token !== undefined
        const browser = await transport.blockedBy(request, `${route.prefix}/v2/`, isAuthorized)
        if (browser !== undefined) call.context = { browser }
        flow.unreachable()
      }
    }
  } finally {
    flow.free()
  }
}

/**
 * Adds to the error of a rejected token what a diagnosis needs.
 * @param {{ code: string, context?: object }} fields
 * @param {string | undefined} token
 * @param {Response} [response]
 */
async function explainToken(fields, token, response) {
  if (fields.code !== 'token_rejected') return
  const now = Date.now()
  // Where what reads token and date cannot be loaded, the error is still this one.
  const functions = await reading().catch(() => undefined)
  const date = response?.headers.get('date') ?? ''
  const claims = token === undefined ? undefined : functions?.claimsOf(token)
  fields.context = { now, skewMs: functions?.skewOf(date, now), ...fields.context, claims }
}

/** @param {DriveContext} context @param {string} method @param {string} path */
function begin({ identity, scopes }, method, path) {
  const more = scopes.length === 0 ? '' : `\n${scopes.join(' ')}`
  const flow = identity.core.begin(clientMemory().write(`${method} ${path}${more}`))
  if (flow === undefined) throw failure('invalid_path', 'registry')
  return flow
}

/**
 * Sends one attempt.
 * @param {DriveContext} context
 * @param {Request} request
 * @param {{ token?: string, session?: boolean }} authorization
 */
async function send({ route, transport, keyServer, identity }, request, { token, session: asSession }) {
  if (asSession && !route.gateway) throw failure('basic_only', 'registry')
  // A streaming body is teed, so that the next attempt can send it again.
  let attempt = request.clone()
  if (token !== undefined) attempt.headers.set('authorization', `Bearer ${token}`)
  else if (asSession && identity.sealed !== undefined)
    attempt.headers.set('authorization', `Bearer ${identity.sealed}`)
  // With the cookie alone, the gateway uses the session's credentials. That must happen only if the flow requires it.
  const cookie = route.gateway && identity.session !== null && (asSession || token !== undefined)
  if (cookie && keyServer !== undefined && keyServer.withCookie !== 'omit') {
    if (asSession) attempt.headers.set(PAGE_HEADER, keyServer.pageHeader(identity.id))
    attempt = new Request(attempt, { credentials: keyServer.withCookie })
  }
  return transport.send(attempt)
}

/**
 * Reports a response to the flow.
 * @param {Flow} flow
 * @param {Response} response
 */
function report(flow, { status, headers }) {
  const module = clientMemory()
  const names = ['www-authenticate', 'registry-challenge', 'content-type']
  const ends = writeAll(...names.map((name) => headers.get(name) ?? ''))
  module.table.set(ends)
  flow.response(status, ends[ends.length - 1])
}
