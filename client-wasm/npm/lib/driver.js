// Drives the module's flow with `fetch`: sends what it says, reports what came back, and hands on the answer. What is
// sent and with which authorization is decided by the flow; where it may go at all is decided here.

import * as glue from '../dist/dockpass.js'
import { DockpassError, argumentError } from './error.js'
import { PAGE_HEADER, discard, failure, isProblem, race } from './key-server.js'
import { memory } from './wasm.js'

/** The way to the registry: through the key server's gateway, or straight to it. */
export class Way {
  /**
   * @param {string} prefix What stands before `/v2/`.
   * @param {string[]} aliases Other ways to write the same.
   * @param {boolean} gateway Whether it leads through the key server.
   */
  constructor(prefix, aliases, gateway) {
    this.prefix = prefix
    this.gateway = gateway
    this.prefixes = [prefix, ...aliases]
    const { origin, pathname } = new URL(prefix)
    this.origin = origin
    this.folder = pathname.replace(/\/$/, '')
  }

  /** The path, from `/v2/` on with the query, that a caller of `fetch` means; an error when it leads elsewhere. */
  path(given) {
    let url
    try {
      // `//host/…` is an address without scheme, no path.
      url = new URL(given.startsWith('/') && !given.startsWith('//') ? this.prefix + given : given)
    } catch {
      throw argumentError('This is no path from /v2/ on and no http or https address.')
    }
    // By now `..` is resolved, so that a prefix is a prefix.
    const whole = url.origin + url.pathname + url.search
    for (const prefix of url.username || url.password ? [] : this.prefixes) {
      if (whole === `${prefix}/v2`) return '/v2/'
      if (whole.startsWith(`${prefix}/v2/`)) return whole.slice(prefix.length)
    }
    throw new DockpassError({
      code: 'ERR_OTHER_ORIGIN',
      message: "This address is not the registry's; no token is sent there.",
    })
  }

  /** The next page's path, by the `Link` line of an answer to `path`. */
  next(link, path) {
    const module = memory()
    const ends = module.writeAll(link, this.origin, path)
    module.table.set(ends)
    // `false`: there is a next page, but its link cannot be followed.
    return module.answer(glue.next_page(ends[2])) || undefined
  }
}

/** A request that can be sent more than once, made of what a caller of `fetch` gave. */
function outgoing(way, path, input, init) {
  try {
    // A Request has every property that an init has, so it serves as one: that is how its address changes.
    const theirs =
      input instanceof Request ? (init === undefined ? input.clone() : new Request(input, init)) : init
    const moved = new Request(way.prefix + path, theirs)
    // The gateway follows redirects itself. One that comes here leads elsewhere, and so would the token.
    const redirect = way.gateway && moved.redirect === 'follow' ? 'error' : moved.redirect
    const request = new Request(moved, { credentials: 'omit', redirect })
    // Who asks is said by the flow.
    request.headers.delete('authorization')
    if (way.gateway) request.headers.set(PAGE_HEADER, '1')
    return request
  } catch {
    throw argumentError('These are no arguments of fetch.')
  }
}

/**
 * Sends a request through every challenge.
 *
 * @param context What the client is at this moment: `core` (the module's), `way`, `keyServer`, `session` (the sealed one,
 *   with the bearer carrier), `identified`, `traced`; and what it does: `steps(list)` tells listeners, `token(step)` gets
 *   a token, `failed(error)` takes note of a failure and gives it back.
 * @returns {Promise<Response>} Its body still streams.
 */
export async function drive(context, path, input, init) {
  const { way, keyServer } = context
  const request = outgoing(way, path, input, init)
  const flow = begin(context, request.method, path)
  /** The last answer, and the key server's last word: it says more than a flow keeps. */
  let last, refusal
  try {
    for (;;) {
      const module = memory()
      const step = module.answer(flow.step(Date.now(), context.traced))
      context.steps(step.steps)
      if (step.do === 'done') return last
      if (step.do === 'token') {
        try {
          flow.token(module.write((await race(request.signal, context.token(step))).token))
        } catch (error) {
          if (error.code === 'aborted') throw error
          refusal = context.failed(error)
          const [code, end] = module.writeAll(error.code, error.step ?? 'key_server')
          flow.token_failed(code, end, error.status ?? 0)
        }
        continue
      }
      if (last) await discard(last)
      if (step.do === 'fail') {
        if (refusal?.code === step.code) throw refusal
        const { do: _, steps, ...fields } = step
        throw new DockpassError(fields)
      }
      last = await send(context, request, step)
      if (last !== undefined && way.gateway && isProblem(last))
        throw context.failed(await keyServer.problem(last))
      if (last !== undefined) report(flow, last)
      else if (way.gateway) throw failure('key_server_unreachable', 'key_server')
      else flow.unreachable()
    }
  } finally {
    flow.free()
  }
}

function begin({ core }, method, path) {
  const flow = core.begin(memory().write(`${method} ${path}`))
  if (flow === undefined) throw failure('invalid_path', 'registry')
  return flow
}

/** Sends one try. */
async function send({ way, keyServer, session, identified }, request, { token, session: asSession }) {
  if (asSession && !way.gateway) throw failure('basic_only', 'registry')
  // A body that streams is split: the next try has the other half.
  let attempt = request.clone()
  if (token !== undefined) attempt.headers.set('authorization', `Bearer ${token}`)
  else if (asSession && session !== undefined) attempt.headers.set('authorization', `Bearer ${session}`)
  // With the cookie and nothing else the gateway would act for the session: only where that is what is wanted.
  const cookie = way.gateway && identified && (asSession || token !== undefined)
  if (cookie && keyServer.withCookie !== 'omit')
    attempt = new Request(attempt, { credentials: keyServer.withCookie })
  return keyServer.send(attempt)
}

/** Tells the flow what came back. */
function report(flow, { status, headers }) {
  const module = memory()
  const names = ['www-authenticate', 'registry-challenge', 'content-type', 'retry-after', 'date']
  const ends = module.writeAll(...names.map((name) => headers.get(name) ?? ''))
  module.table.set(ends)
  flow.response(status, ends.at(-1))
}
