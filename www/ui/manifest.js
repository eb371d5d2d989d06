// The column that shows one manifest: its kind, the pull command, its platforms or layers.

import { el, button, fill, mono, visible, copyButton, announce } from './dom.js'
import { bytes, day, plural, shortDigest } from './format.js'
import { createProgress } from './progress.js'
import { errorBox, isAbort } from './errors.js'
import { pullBox } from './pull.js'
import { pullSize, readConfig, readManifest, sharedSize } from './manifest-model.js'
import {
  annotationList,
  attestationTable,
  blobWords,
  digestLink,
  layerTable,
  part,
  platformTable,
  sizeWords,
  typeWords,
} from './manifest-tables.js'
import { isDigest, qualified } from './route.js'

/**
 * @import { Manifest, RegistryClient } from '../dockpass/index.js'
 * @import { Child } from './types.js'
 * @import { ErrorActions } from './errors.js'
 * @import { Descriptor, Model } from './manifest-model.js'
 * @import { ManifestPlace, PlatformRow } from './manifest-tables.js'
 */

/** @typedef {(name: string, ...value: Child[]) => void} AddFact */

const AT_ONCE = 4
const MOST_CHILDREN = 64
const MOST_CONFIG_BYTES = 1 << 20

/**
 * Creates the column.
 * @param {() => ErrorActions} actions For errors.
 */
export function createManifestView(actions) {
  const progress = createProgress()
  const heading = el('h2', { id: 'manifest-heading', tabindex: '-1' }, 'Manifest')
  const message = el('div', { class: 'pane-said' })
  const body = el('div', { class: 'manifest-body' })
  const node = el(
    'section',
    { class: 'pane', id: 'manifest', 'aria-labelledby': 'manifest-heading' },
    el('header', { class: 'pane-head' }, heading),
    progress.node,
    el(
      'div',
      { class: 'viewport', tabindex: '0', role: 'group', 'aria-labelledby': 'manifest-heading' },
      message,
      body,
    ),
  )
  /** @type {AbortController | null} */
  let abort = null

  /** @param {string} [hint] */
  function clear(hint) {
    abort?.abort()
    abort = null
    progress.stop()
    heading.textContent = 'Manifest'
    body.replaceChildren()
    fill(message, hint && el('p', { class: 'hint' }, hint))
  }

  /**
   * Loads and shows a manifest.
   * @param {ManifestPlace} place
   * @param {RegistryClient} client
   */
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
      const manifest = await client.manifest(place.repository, place.reference, { signal: mine.signal })
      if (abort !== mine) return
      const shown = show(place, manifest)
      fill(body, shown.node)
      announce(`Manifest of ${qualified(place.repository, place.reference)}: ${shown.kind}`)
      progress.stop()
      await shown.complete(client, mine.signal)
    } catch (error) {
      if (abort !== mine) return
      progress.stop()
      fill(message, errorBox(error, { ...actions(), retry: () => load(place, client) }))
    }
  }

  return { node, heading, load, clear }
}

/**
 * The content, and a function that loads what is missing.
 * @param {ManifestPlace} place
 * @param {Manifest} manifest
 */
function show(place, manifest) {
  const model = readManifest(manifest.mediaType, manifest.manifest)
  const total = el('span', {}, model.kind === 'index' ? 'calculating …' : sizeWords(pullSize(model)))
  const facts = el('dl', { class: 'facts' })
  /** @type {AddFact} */
  const fact = (name, ...value) => facts.append(el('div', {}, el('dt', {}, name), el('dd', {}, value)))
  const kind = KINDS[model.kind]
  fact('Kind', kind)
  fact('Media type', typeWords(model.mediaType))
  fact(
    'Digest',
    el(
      'span',
      { class: 'digest-line' },
      mono(manifest.digest, { class: 'digest' }),
      copyButton('Copy', () => manifest.digest, { testid: 'copy-digest', 'aria-label': 'Copy digest' }),
    ),
  )
  fact(model.kind === 'index' ? 'Size, all platforms' : 'Size to pull', total)
  if (model.artifactType) fact('Artifact type', typeWords(model.artifactType))
  if (model.config) fact('Config', blobWords(model.config))
  if (model.subject) fact('Subject', digestLink(place, model.subject.digest))

  const platforms = platformTable(place, model, manifest)
  const node = el(
    'article',
    { testid: 'manifest-view', 'data-kind': model.kind, 'data-digest': manifest.digest },
    pullBox({
      ...place,
      tag: isDigest(place.reference) ? null : place.reference,
      digest: manifest.digest,
      kind: model.kind,
    }),
    facts,
    platforms?.node,
    model.attestations.length > 0 && attestationTable(place, model),
    model.layers.length > 0 && layerTable(model),
    model.annotations.length > 0 && part('Annotations', annotationList(model.annotations)),
    raw(manifest),
  )
  return {
    node,
    kind,
    /** @param {RegistryClient} client @param {AbortSignal} signal */
    async complete(client, signal) {
      const rows = platforms?.rows ?? []
      const index = () => completeIndex({ place, rows, count: platforms?.count ?? 0, total, client, signal })
      if (model.kind === 'index' && place.counted) onDemand(total, rows, index)
      else if (model.kind === 'index') await index()
      else if (model.kind === 'image')
        await completeImage({ place, model, row: rows[0], fact, client, signal })
    },
  }
}

const KINDS = {
  index: 'Index: one image per platform',
  image: 'Image',
  helm: 'Helm chart',
  artifact: 'Artifact',
  schema1: 'Image in the old format, schema 1',
  unknown: 'Unknown kind',
}

/** @param {Manifest} manifest */
function raw(manifest) {
  const pre = el('pre', { tabindex: '0' })
  const details = el(
    'details',
    { class: 'raw' },
    el('summary', {}, `Original JSON, ${bytes(manifest.size)}`),
    pre,
  )
  details.addEventListener('toggle', () => {
    if (details.open && !pre.textContent) pre.textContent = visible(new TextDecoder().decode(manifest.raw))
  })
  return details
}

/**
 * Docker Hub counts every manifest as a pull and limits pulls. There, sizes are calculated only on request.
 * @param {HTMLElement} total
 * @param {PlatformRow[]} rows
 * @param {() => Promise<void>} complete
 */
function onDemand(total, rows, complete) {
  for (const row of rows) row.size.textContent = '–'
  fill(
    total,
    button(
      `Calculate with ${plural(Math.min(rows.length, MOST_CHILDREN), 'request')}`,
      () => {
        fill(total, 'calculating …')
        void complete()
      },
      { class: 'link', testid: 'add-up', title: 'This registry counts each manifest as a pull' },
    ),
  )
}

/**
 * Loads the sizes of an index's platforms: each is in a manifest of its own.
 * @param {{
 *   place: ManifestPlace,
 *   rows: PlatformRow[],
 *   count: number,
 *   total: HTMLElement,
 *   client: RegistryClient,
 *   signal: AbortSignal,
 * }} options
 */
async function completeIndex({ place, rows, count, total, client, signal }) {
  const waiting = rows.filter((row) => isDigest(row.entry.digest)).slice(0, MOST_CHILDREN)
  /** @type {Model[]} */
  const models = []
  const worker = async () => {
    for (let row = waiting.shift(); row && !signal.aborted; row = waiting.shift()) {
      try {
        const manifest = await client.manifest(place.repository, row.entry.digest, { signal })
        const child = readManifest(manifest.mediaType, manifest.manifest)
        const size = child.kind === 'index' ? null : pullSize(child)
        row.size.textContent = child.kind === 'index' ? 'an index' : sizeWords(size)
        if (size !== null) models.push(child)
      } catch (error) {
        if (isAbort(error)) return
        row.size.textContent = 'failed'
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  for (const row of rows) if (/^[…–]$/.test(row.size.textContent ?? '')) row.size.textContent = 'not loaded'
  const size = models.length > 0 ? sharedSize(models) : null
  total.textContent = `${sizeWords(size)}${size !== null && models.length < count ? `, for ${models.length} of ${count} platforms` : ''}`
  if (models.length > 1 && size !== null)
    total.append(el('span', { class: 'faint' }, ' (shared layers counted once)'))
}

/**
 * Loads the platform of a single image from its configuration, which is a blob.
 * @param {{
 *   place: ManifestPlace,
 *   model: Model,
 *   row: PlatformRow,
 *   fact: AddFact,
 *   client: RegistryClient,
 *   signal: AbortSignal,
 * }} options
 */
async function completeImage({ place, model, row, fact, client, signal }) {
  let config = readConfig(null)
  try {
    config = readConfig(await fetchConfig(place, model.config, client, signal))
  } catch (error) {
    if (isAbort(error)) return
  }
  row.name.replaceChildren(
    config.platform ? el('bdi', {}, visible(config.platform)) : el('span', { class: 'faint' }, 'unknown'),
  )
  row.node.dataset.platform = config.platform
  const created = config.created && day(config.created)
  if (created) fact('Created', created)
  if (config.command.length > 0) fact('Command', mono(config.command.join(' ')))
}

/**
 * @param {ManifestPlace} place
 * @param {Descriptor | null} blob
 * @param {RegistryClient} client
 * @param {AbortSignal} signal
 * @returns {Promise<unknown>}
 */
async function fetchConfig(place, blob, client, signal) {
  if (blob === null || !isDigest(blob.digest) || blob.size === null || blob.size > MOST_CONFIG_BYTES)
    return null
  const { raw } = await client.blob(place.repository, blob.digest, { signal })
  return JSON.parse(new TextDecoder().decode(raw))
}
