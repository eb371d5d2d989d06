// Runs the resource flows of protocol/testdata/flows.json through the module, as lib/driver.js drives it. The token and
// login flows are the key server's. Nothing here is Node's own.

import { Core } from '../../lib/core.js'
import { retryAfter as waitOf } from '../../lib/transport.js'
import { memory, writeAll } from '../../lib/wasm.js'
import { clean, none, same } from './vectors.mjs'

/** Whether a page can run a case: no scopes but the request's own, no realm policy, and only transport errors that a browser reports. */
export function isOurs({
  input: { machine, registry, known, identified, method = 'GET', path, scopes = '', responses },
}) {
  if (machine !== 'resource' || registry !== undefined || (identified && known === undefined)) return false
  const module = memory()
  const length = module.wasm.scopes_for(module.write(`${method} ${path}`))
  return (
    length > 0 &&
    module.result(length).join(' ') === scopes &&
    responses.every(({ transport }) => transport === undefined || transport === 'unreachable')
  )
}

/** Runs a case; throws if it fails. */
export function runFlow({ input, expect }) {
  const { machine, method = 'GET', path, scopes, known, identified = false, responses, ...unknown } = input
  none(unknown)
  const module = memory()
  const core = new Core()
  if (known !== undefined) {
    const [realm, service = '-'] = known.split(' ')
    const [end, length] = writeAll(realm, service === '-' ? '' : service)
    core.identify({ open: 0, basic: 1 }[known] ?? 2, end, length)
    // How the registry authenticates is kept after a logout.
    if (!identified) core.forget()
  }
  const flow = core.begin(module.write(`${method} ${path}`))
  const left = [...responses]
  let headers = new Headers()
  const sent = []
  const records = []
  for (;;) {
    const step = module.result(flow.step(1790000000000, true))
    for (const { hop, status, decision, code } of step.steps)
      records.push([hop, status, decision, code].filter((part) => part !== undefined).join(' '))
    if (step.do === 'done' || step.do === 'fail') {
      same(left, [])
      same(sent, expect.sent)
      same(
        records,
        expect.records.map((record) => record.step ?? record),
      )
      if (step.do === 'done') same('code' in expect.end, false)
      else
        same(
          clean({
            code: step.code,
            hop: step.step,
            status: step.status,
            // Of the vectors' flows none knows the time.
            retryAfterMs: step.code === 'rate_limited' ? waitOf(headers, NaN) : undefined,
          }),
          expect.end,
        )
      return flow.free()
    }
    const {
      status,
      challenges = [],
      apiVersion,
      contentType = '',
      retryAfter = '',
      date = '',
      transport,
      token,
      failed,
      body,
      ...unknown
    } = left.shift() ?? {}
    none(unknown)
    if (step.do === 'token') {
      sent.push(
        `token ${step.realm} ${step.service ?? '-'} [${step.scopes.join(' ')}]${step.fresh ? ' fresh' : ''}`,
      )
      if (token !== undefined) flow.token(module.write(token))
      else {
        const [end, length] = writeAll(failed, 'token_service')
        flow.token_failed(end, length, 0)
      }
    } else {
      sent.push(step.session ? 'send session' : step.token ? `send Bearer ${step.token}` : 'send')
      if (transport !== undefined) flow.unreachable()
      else {
        // A browser joins the lines of a field.
        headers = new Headers({ 'retry-after': retryAfter, date })
        const ends = writeAll(challenges.join(', '), '', contentType)
        module.table.set(ends)
        flow.response(status, ends.at(-1))
      }
    }
  }
}
