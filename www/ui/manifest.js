// The column that shows one manifest: what it is, how to pull it, its platforms or layers.

import { el, button, fill, mono, visible, copyButton, announce } from './dom.js'
import { bytes, day, mediaTypeName, plural, shortDigest } from './format.js'
import { createProgress } from './progress.js'
import { errorBox, isAbort } from './errors.js'
import { pullBox } from './pull.js'
import { pullSize, readConfig, readManifest, sharedSize } from './manifest-model.js'
import { hrefFor, isDigest, qualified } from './route.js'

const AT_ONCE = 4
const MOST_CHILDREN = 64
const MOST_CONFIG_BYTES = 1 << 20

/** Builds the column. Returns `{node, heading, load(place, client), clear(hint)}`; `actions` are for failures. */
export function createManifestView(actions) {
  const progress = createProgress()
  const heading = el('h2', { id: 'manifest-heading', tabindex: '-1' }, 'Manifest')
  const said = el('div', { class: 'pane-said' })
  const body = el('div', { class: 'manifest-body' })
  const node = el(
    'section',
    { class: 'pane', id: 'manifest', 'aria-labelledby': 'manifest-heading' },
    el('header', { class: 'pane-head' }, heading),
    progress.node,
    el(
      'div',
      { class: 'viewport', tabindex: '0', role: 'group', 'aria-labelledby': 'manifest-heading' },
      said,
      body,
    ),
  )
  let abort = null

  function clear(hint) {
    abort?.abort()
    abort = null
    progress.stop()
    heading.textContent = 'Manifest'
    body.replaceChildren()
    fill(said, hint && el('p', { class: 'hint' }, hint))
  }

  /** Fetches and shows the manifest of `place` (`{registry, plainHttp, counted, repository, reference}`). */
  async function load(place, client) {
    clear()
    const mine = new AbortController()
    abort = mine
    const separator = isDigest(place.reference) ? '@' : ':'
    fill(
      heading,
      mono(
        place.repository +
          separator +
          (isDigest(place.reference) ? shortDigest(place.reference) : place.reference),
        { title: place.reference },
      ),
    )
    progress.start('Loading the manifest …', () => mine.abort())
    try {
      const answer = await client.manifest(place.repository, place.reference, { signal: mine.signal })
      if (abort !== mine) return
      const shown = show(place, answer)
      fill(body, shown.node)
      announce(`Manifest of ${qualified(place.repository, place.reference)}: ${shown.kind}`)
      progress.stop()
      await shown.complete(client, mine.signal)
    } catch (error) {
      if (abort !== mine) return
      progress.stop()
      fill(said, errorBox(error, { ...actions(), retry: () => load(place, client) }))
    }
  }

  return { node, heading, load, clear }
}

// The parts, and what has to be fetched to complete them.
function show(place, answer) {
  const model = readManifest(answer.mediaType, answer.manifest)
  const total = el('span', {}, model.kind === 'index' ? 'adding up …' : sizeWords(pullSize(model)))
  const facts = el('dl', { class: 'facts' })
  const fact = (name, ...value) => facts.append(el('div', {}, el('dt', {}, name), el('dd', {}, value)))
  const kind = KINDS[model.kind]
  fact('Kind', kind)
  fact('Media type', typeWords(model.mediaType))
  fact(
    'Digest',
    el(
      'span',
      { class: 'digest-line' },
      mono(answer.digest, { class: 'digest' }),
      copyButton('Copy', () => answer.digest, { testid: 'copy-digest', 'aria-label': 'Copy digest' }),
    ),
  )
  fact(model.kind === 'index' ? 'Size, all platforms' : 'Size to pull', total)
  if (model.artifactType) fact('Artifact type', typeWords(model.artifactType))
  if (model.config) fact('Config', blobWords(model.config))
  if (model.subject) fact('About', digestLink(place, model.subject.digest))

  const platforms = platformTable(place, model, answer)
  const node = el(
    'article',
    { testid: 'manifest-view', 'data-kind': model.kind, 'data-digest': answer.digest },
    pullBox({
      ...place,
      tag: isDigest(place.reference) ? null : place.reference,
      digest: answer.digest,
      kind: model.kind,
    }),
    facts,
    platforms?.node,
    model.attestations.length > 0 && attestationTable(place, model),
    model.layers.length > 0 && layerTable(model),
    model.annotations.length > 0 && part('Annotations', annotationList(model.annotations)),
    raw(answer),
  )
  return {
    node,
    kind,
    async complete(client, signal) {
      const index = () => completeIndex({ place, platforms, total, client, signal })
      if (model.kind === 'index' && place.counted) onDemand(total, platforms, index)
      else if (model.kind === 'index') await index()
      else if (model.kind === 'image') await completeImage({ place, model, platforms, fact, client, signal })
    },
  }
}

const KINDS = {
  index: 'Index: one image per platform',
  image: 'Image',
  helm: 'Helm chart',
  artifact: 'Artifact',
  schema1: 'Image in the old format, schema 1',
  unknown: 'Of a kind not known here',
}

const sizeWords = (size) => (size === null ? 'not stated' : bytes(size))

function typeWords(type) {
  const name = mediaTypeName(type)
  if (!name) return type ? mono(type) : 'not stated'
  return [name, ' ', mono(type, { class: 'faint' })]
}

const blobWords = (blob) => [
  mono(shortDigest(blob.digest), { title: blob.digest }),
  blob.size !== null && ` ${bytes(blob.size)}`,
  ' ',
  mono(blob.mediaType, { class: 'faint' }),
]

function digestLink(place, digest) {
  if (!isDigest(digest)) return mono(digest || 'no digest')
  return el('a', { href: hrefFor({ ...place, reference: digest }), title: digest }, mono(shortDigest(digest)))
}

function part(title, ...content) {
  return el('section', { class: 'part' }, el('h3', {}, title), content)
}

function table(heads, rows) {
  return el(
    'table',
    {},
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        heads.map(([text, kind]) => el('th', { scope: 'col', class: kind }, text)),
      ),
    ),
    el('tbody', {}, rows),
  )
}

function platformTable(place, model, answer) {
  if (model.kind !== 'index' && model.kind !== 'image' && model.kind !== 'schema1') return null
  const entries =
    model.kind === 'index'
      ? model.children
      : [{ platform: '', digest: answer.digest, size: answer.size, self: true }]
  const rows = entries.map((entry) => {
    const name = el('td', {}, platformWords(entry))
    const size = el('td', { class: 'number' }, entry.self ? sizeWords(pullSize(model)) : '…')
    return {
      entry,
      name,
      size,
      node: el(
        'tr',
        { testid: 'platform-row', 'data-platform': entry.platform },
        name,
        size,
        el(
          'td',
          {},
          entry.self
            ? mono(shortDigest(entry.digest), { title: entry.digest })
            : digestLink(place, entry.digest),
        ),
      ),
    }
  })
  const title = model.kind === 'index' ? plural(entries.length, 'platform') : 'Platform'
  return {
    rows,
    node: part(
      title,
      table(
        [['Platform'], ['To pull', 'number'], ['Manifest']],
        rows.map((row) => row.node),
      ),
    ),
  }
}

function platformWords(entry) {
  if (entry.platform) return el('bdi', {}, visible(entry.platform))
  if (entry.self) return '…'
  return el('span', { class: 'faint' }, entry.isIndex ? 'nested index' : entry.artifactType || 'not stated')
}

function attestationTable(place, model) {
  const platformOf = new Map(model.children.map((child) => [child.digest, child.platform]))
  const rows = model.attestations.map((entry) =>
    el(
      'tr',
      { testid: 'attestation-row' },
      el('td', {}, platformOf.get(entry.of) || mono(shortDigest(entry.of || 'unknown'))),
      el('td', { class: 'number' }, sizeWords(entry.size)),
      el('td', {}, digestLink(place, entry.digest)),
    ),
  )
  return part(
    plural(rows.length, 'attestation'),
    el(
      'p',
      { class: 'part-note' },
      'Statements about how an image was built. They are not platforms and are not pulled with it.',
    ),
    table([['About'], ['Manifest size', 'number'], ['Manifest']], rows),
  )
}

function layerTable(model) {
  const rows = model.layers.map((layer, index) =>
    el(
      'tr',
      { testid: 'layer-row' },
      el('td', { class: 'number faint' }, String(index + 1)),
      el(
        'td',
        {},
        el(
          'span',
          { title: layer.mediaType },
          mediaTypeName(layer.mediaType) ?? (layer.mediaType ? mono(layer.mediaType) : 'not stated'),
        ),
        layer.hasUrls && el('span', { class: 'faint' }, ' kept elsewhere'),
      ),
      el('td', { class: 'number' }, sizeWords(layer.size)),
      el('td', {}, mono(shortDigest(layer.digest), { title: layer.digest })),
    ),
  )
  return part(
    plural(rows.length, model.kind === 'image' || model.kind === 'schema1' ? 'layer' : 'blob'),
    table([['#', 'number'], ['Content'], ['Size', 'number'], ['Digest']], rows),
  )
}

function annotationList(annotations) {
  return el(
    'dl',
    { class: 'annotations' },
    annotations.map(([key, value]) =>
      el('div', {}, el('dt', {}, mono(key)), el('dd', {}, el('bdi', {}, visible(value)))),
    ),
  )
}

function raw(answer) {
  const pre = el('pre', { tabindex: '0' })
  const details = el(
    'details',
    { class: 'raw' },
    el('summary', {}, `As sent, ${bytes(answer.size ?? answer.raw?.length)}`),
    pre,
  )
  details.addEventListener('toggle', () => {
    if (details.open && !pre.textContent) pre.textContent = visible(new TextDecoder().decode(answer.raw))
  })
  return details
}

// Docker Hub counts every manifest as a pull and allows few; there the sizes are added up only for whoever asks.
function onDemand(total, platforms, complete) {
  for (const row of platforms.rows) row.size.textContent = '–'
  fill(
    total,
    button(
      `Add up, with ${plural(platforms.rows.length, 'request')}`,
      () => {
        fill(total, 'adding up …')
        complete()
      },
      { class: 'link', testid: 'add-up', title: 'This registry counts each manifest as a pull' },
    ),
  )
}

// An index states the sizes of manifests only; what a platform weighs is in its own manifest.
async function completeIndex({ place, platforms, total, client, signal }) {
  const rows = platforms.rows.filter((row) => isDigest(row.entry.digest)).slice(0, MOST_CHILDREN)
  const waiting = [...rows]
  const models = []
  const worker = async () => {
    for (let row = waiting.shift(); row && !signal.aborted; row = waiting.shift()) {
      try {
        const answer = await client.manifest(place.repository, row.entry.digest, { signal })
        const child = readManifest(answer.mediaType, answer.manifest)
        const size = child.kind === 'index' ? null : pullSize(child)
        row.size.textContent = child.kind === 'index' ? 'an index' : sizeWords(size)
        if (size !== null) models.push(child)
      } catch (error) {
        if (isAbort(error)) return
        row.size.textContent = 'not readable'
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  for (const row of platforms.rows)
    if (/^[…–]$/.test(row.size.textContent)) row.size.textContent = 'not fetched'
  const size = models.length > 0 ? sharedSize(models) : null
  total.textContent = `${sizeWords(size)}${size !== null && models.length < platforms.rows.length ? `, of ${models.length} of ${platforms.rows.length}` : ''}`
  if (models.length > 1 && size !== null)
    total.append(el('span', { class: 'faint' }, ' shared layers counted once'))
}

// The platform of a single image is in its configuration, which is a blob.
async function completeImage({ place, model, platforms, fact, client, signal }) {
  const [row] = platforms.rows
  let config = { platform: '', created: '', command: [] }
  try {
    config = readConfig(await fetchConfig(place, model.config, client, signal))
  } catch (error) {
    if (isAbort(error)) return
  }
  row.name.replaceChildren(
    config.platform ? el('bdi', {}, visible(config.platform)) : el('span', { class: 'faint' }, 'not stated'),
  )
  row.node.dataset.platform = config.platform
  const created = config.created && day(config.created)
  if (created) fact('Created', created)
  if (config.command.length > 0) fact('Runs', mono(config.command.join(' ')))
}

async function fetchConfig(place, blob, client, signal) {
  if (!isDigest(blob.digest) || blob.size === null || blob.size > MOST_CONFIG_BYTES) return null
  const { raw } = await client.blob(place.repository, blob.digest, { signal })
  return JSON.parse(new TextDecoder().decode(raw))
}
