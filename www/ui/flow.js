// The panel that shows the authorization flow live: one row per step, drawn across the four parties.

import { el, button, fill, mono, copyButton, announce } from './dom.js'
import { LANES, asText, describeStep } from './steps.js'
import { allTerms, termsIn } from './glossary.js'
import { plural } from './format.js'

/**
 * @import { Diagnosis } from '../dockpass/doctor.js'
 * @import { Step } from '../dockpass/index.js'
 * @import { Term } from './glossary.js'
 * @import { DescribedStep, Entry } from './steps.js'
 */

const MOST_ROWS = 400

/**
 * Creates the panel in `root`.
 * @param {HTMLElement} root
 * @param {(steps: Step[]) => Promise<Diagnosis>} diagnose Called only when the user wants a diagnosis.
 */
export function createFlowPanel(root, diagnose) {
  /** @type {Entry[]} */
  const entries = []
  /** The details of the steps since the last mark. @type {Step[]} */
  let group = []
  /** How the last step of each call of the group ended. Several calls may run at once. @type {Map<unknown, string>} */
  let outcomes = new Map()
  /** @type {number | null} */
  let groupStart = null
  let steps = 0

  const list = el('ol', { class: 'steps', 'aria-label': 'Steps, oldest first' })
  const empty = el(
    'p',
    { class: 'flow-empty' },
    'No requests yet. Every request that the library sends appears here, with the decision that followed and its reason.',
  )
  const summary = el('span', { class: 'flow-summary' })
  const terms = el('dl', { class: 'terms', id: 'flow-terms', hidden: true }, allTerms().map(termPair))
  /** @type {HTMLButtonElement} */
  const termsButton = button(
    'Terms',
    () => {
      terms.hidden = !terms.hidden
      termsButton.setAttribute('aria-expanded', String(!terms.hidden))
      if (!terms.hidden) body.scrollTop = 0
    },
    { class: 'quiet', 'aria-expanded': 'false', 'aria-controls': 'flow-terms' },
  )
  const body = el(
    'div',
    { class: 'flow-body', id: 'flow-body', tabindex: '0', role: 'group', 'aria-label': 'Steps' },
    terms,
    laneHead(),
    empty,
    list,
  )
  const toggle = button('Authorization flow', () => setOpen(body.hidden !== false), {
    class: 'flow-toggle',
    testid: 'flow-toggle',
    'aria-controls': 'flow-body',
  })
  const ask = button('What is wrong?', () => showDiagnosis(), {
    class: 'quiet',
    testid: 'flow-diagnose',
    hidden: true,
  })
  const tools = el(
    'div',
    { class: 'flow-tools' },
    ask,
    termsButton,
    copyButton('Copy as text', () => asText(entries, 'dockpass'), { testid: 'flow-copy' }),
    button('Clear', clear, { class: 'quiet', testid: 'flow-clear' }),
  )
  fill(root, el('div', { class: 'flow-head' }, el('h2', {}, toggle), summary, tools), body)
  setOpen(!matchMedia('(max-width: 719px)').matches)

  /** @param {boolean} open */
  function setOpen(open) {
    body.hidden = !open
    tools.hidden = !open
    root.classList.toggle('open', open)
    toggle.setAttribute('aria-expanded', String(open))
    if (open) body.scrollTop = body.scrollHeight
  }

  function clear() {
    entries.length = 0
    steps = 0
    groupStart = null
    group = []
    outcomes = new Map()
    ask.hidden = true
    list.replaceChildren()
    empty.hidden = false
    summary.textContent = ''
    announce('Flow cleared')
  }

  /** @param {Node} node @param {Entry} entry */
  function append(node, entry) {
    const atEnd = body.scrollHeight - body.scrollTop - body.clientHeight < 40
    entries.push(entry)
    list.append(node)
    if (entries.length > MOST_ROWS) {
      entries.shift()
      list.firstElementChild?.remove()
    }
    empty.hidden = true
    if (atEnd && !body.hidden) body.scrollTop = body.scrollHeight
  }

  async function showDiagnosis() {
    ask.hidden = true
    const steps = group
    const diagnosis = await diagnose(steps).catch(() => null)
    // A newer group of steps has started meanwhile.
    if (steps !== group) return
    if (diagnosis === null) {
      ask.hidden = false
      announce('The diagnosis could not be loaded')
      return
    }
    append(diagnosisRow(diagnosis), { diagnosis, at: Date.now() })
    // The button has disappeared, so focus moves to the diagnosis.
    body.focus({ preventScroll: true })
    announce(diagnosis.fix)
  }

  return {
    /**
     * Shows a step.
     * @param {Step} detail The detail of a step event.
     */
    step(detail) {
      const step = describeStep(detail)
      groupStart ??= step.at
      steps += 1
      group.push(detail)
      if (group.length > MOST_ROWS) group.shift()
      outcomes.set(detail.call, step.tone)
      ask.hidden = ![...outcomes.values()].includes('bad')
      append(stepRow(step, step.at - groupStart), step)
      summary.textContent = `${plural(steps, 'step')}, last: ${step.title}`
      summary.dataset.tone = step.tone
    },
    /**
     * Starts a group of steps, with the user action that caused them.
     * @param {string} text
     */
    mark(text) {
      if ('mark' in (entries.at(-1) ?? {})) {
        entries.pop()
        list.lastElementChild?.remove()
      }
      groupStart = Date.now()
      group = []
      outcomes = new Map()
      ask.hidden = true
      append(el('li', { class: 'mark', testid: 'step-mark' }, text), { mark: text, at: groupStart })
    },
    clear,
  }
}

function laneHead() {
  return el(
    'div',
    { class: 'lane-head', 'aria-hidden': 'true' },
    el('span', { class: 'after' }, 'after'),
    el(
      'span',
      { class: 'lanes' },
      LANES.map((name) => el('span', {}, name)),
    ),
    el('span', {}, 'request'),
    el('span', {}, ''),
    el('span', {}, 'decision'),
  )
}

/** @param {DescribedStep} step @param {number} after Milliseconds since the start of the group. */
function stepRow(step, after) {
  const status = step.planned ? '' : step.status === null ? '–' : String(step.status)
  return el(
    'li',
    {
      class: step.planned ? 'step planned' : 'step',
      testid: 'step-row',
      'data-tone': step.tone,
      'data-decision-code': step.code,
    },
    el(
      'details',
      {},
      el(
        'summary',
        {},
        el('span', { class: 'after' }, step.timed && `${Math.max(0, Math.round(after))} ms`),
        el(
          'span',
          { class: 'lanes' },
          ladder(step),
          el('span', { class: 'route-words' }, step.planned ? `${LANES[step.from]} decides` : step.route),
        ),
        el('span', { class: 'request' }, el('b', {}, step.method), ' ', mono(step.target)),
        el('span', { class: 'status', 'data-class': String(step.status ?? 0)[0] }, status),
        el('span', { class: 'decision' }, step.title, step.code && mono(step.code, { class: 'code' })),
      ),
      explanation(step),
    ),
  )
}

/** @param {Diagnosis} diagnosis */
function diagnosisRow({ code, hop, evidence, fix }) {
  return el(
    'li',
    { class: 'diagnosis', testid: 'diagnosis', 'data-code': code },
    el('p', {}, el('b', {}, 'What to do: '), fix),
    el(
      'p',
      { class: 'evidence' },
      mono(code),
      hop && ` · at the ${hop.replaceAll('_', ' ')}`,
      evidence.map(({ what, value }) => [' · ', what.replaceAll('_', ' '), ' ', mono(value)]),
    ),
  )
}

/**
 * The line from the sender to the receiver of a request.
 * @param {DescribedStep} step
 */
function ladder(step) {
  return el(
    'span',
    { class: 'ladder', 'aria-hidden': 'true', 'data-from': step.from, 'data-to': step.to },
    LANES.map((_, lane) =>
      el('i', {
        class: step.planned
          ? lane === step.from && 'from'
          : lane === step.from
            ? 'from'
            : lane === step.to
              ? 'to'
              : step.relayed && lane === 1
                ? 'via'
                : null,
      }),
    ),
    !step.planned && el('i', { class: 'wire' }),
  )
}

/** @param {DescribedStep} step */
function explanation(step) {
  const mentioned = `${step.title} ${step.reason} ${step.scopes.join(' ')} ${step.target} ${step.sent}`
  const sender = step.from === 0 ? 'The page' : 'The key server'
  const who = step.planned
    ? `${sender} decided this before sending a request to the ${LANES[step.to]}`
    : step.relayed
      ? 'The page sent a request to the registry through the key server’s gateway'
      : `${sender} sent a request to the ${LANES[step.to]}`
  const sent = step.planned ? '.' : `${step.sent ? `, ${step.sent},` : ''} `
  const result = step.planned
    ? ''
    : step.status === null
      ? 'and got no response.'
      : `and got the status ${step.status}.`
  return el(
    'div',
    { class: 'explanation' },
    el('p', {}, who + sent + result),
    step.scopes.length > 0 &&
      el(
        'p',
        {},
        'Scopes: ',
        step.scopes.map((scope, i) => [i > 0 && ', ', mono(scope)]),
      ),
    step.reason && el('p', { class: 'why' }, step.reason),
    el('dl', { class: 'terms' }, termsIn(mentioned).map(termPair)),
  )
}

/** @param {Term} term */
function termPair([term, explanation]) {
  return el('div', {}, el('dt', {}, term), el('dd', {}, explanation))
}
