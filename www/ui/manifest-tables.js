// The tables and lists of a manifest: platforms, attestations, layers and annotations.

import { el, mono, visible } from './dom.js'
import { bytes, count, mediaTypeName, plural, shortDigest } from './format.js'
import { pullSize } from './manifest-model.js'
import { hrefFor, isDigest } from './route.js'

/**
 * @import { Manifest } from '../dockpass/index.js'
 * @import { Child } from './types.js'
 * @import { Descriptor, Model } from './manifest-model.js'
 */

/**
 * The manifest to show. `counted`: the registry counts each manifest as a pull.
 * @typedef {{
 *   registry: string,
 *   plainHttp: boolean,
 *   counted: boolean,
 *   repository: string,
 *   reference: string,
 * }} ManifestPlace
 */

/** @typedef {{ entry: PlatformEntry, name: HTMLElement, size: HTMLElement, node: HTMLElement }} PlatformRow */
/** @typedef {Partial<Descriptor> & { platform: string, digest: string, self?: boolean }} PlatformEntry */
/** @param {number | null | undefined} size */
export const sizeWords = (size) => (size === null ? 'unknown' : bytes(size))

/**
 * @param {string} type
 * @returns {Child}
 */
export function typeWords(type) {
  const name = mediaTypeName(type)
  if (!name) return type ? mono(type) : 'unknown'
  return [name, ' ', mono(type, { class: 'faint' })]
}

/**
 * @param {Descriptor} blob
 * @returns {Child}
 */
export const blobWords = (blob) => [
  mono(shortDigest(blob.digest), { title: blob.digest }),
  blob.size !== null && ` ${bytes(blob.size)}`,
  ' ',
  mono(blob.mediaType, { class: 'faint' }),
]

/** @param {ManifestPlace} place @param {string} digest */
export function digestLink(place, digest) {
  if (!isDigest(digest)) return mono(digest || 'no digest')
  return el('a', { href: hrefFor({ ...place, reference: digest }), title: digest }, mono(shortDigest(digest)))
}

/** Rows of a table at most: a manifest of 150 kB can have 50,000 entries, and a tab that shows them all stands still. */
const MOST_ROWS = 500

/**
 * The entries to show, and a sentence if these are not all.
 * @template T
 * @param {readonly T[]} entries
 */
function cut(entries) {
  const text = `The first ${count(MOST_ROWS)} of ${count(entries.length)}. The original JSON below has all of them.`
  return {
    shown: entries.slice(0, MOST_ROWS),
    note: entries.length > MOST_ROWS && el('p', { class: 'part-note', testid: 'cut' }, text),
  }
}

/** @param {string} title @param {Child[]} content */
export function part(title, ...content) {
  return el('section', { class: 'part' }, el('h3', {}, title), content)
}

/** @param {[text: string, kind?: string][]} heads @param {HTMLElement[]} rows */
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

/** @param {ManifestPlace} place @param {Model} model @param {Manifest} manifest */
export function platformTable(place, model, manifest) {
  if (model.kind !== 'index' && model.kind !== 'image' && model.kind !== 'schema1') return null
  /** @type {PlatformEntry[]} */
  const entries =
    model.kind === 'index'
      ? model.children
      : [{ platform: '', digest: manifest.digest, size: manifest.size, self: true }]
  const { shown, note } = cut(entries)
  const rows = shown.map((entry) => {
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
    count: entries.length,
    node: part(
      title,
      note,
      table(
        [['Platform'], ['Pull size', 'number'], ['Manifest']],
        rows.map((row) => row.node),
      ),
    ),
  }
}

/** @param {PlatformEntry} entry */
function platformWords(entry) {
  if (entry.platform) return el('bdi', {}, visible(entry.platform))
  if (entry.self) return '…'
  return el('span', { class: 'faint' }, entry.isIndex ? 'nested index' : entry.artifactType || 'unknown')
}

/** @param {ManifestPlace} place @param {Model} model */
export function attestationTable(place, model) {
  const platformOf = new Map(model.children.map((child) => [child.digest, child.platform]))
  const { shown, note } = cut(model.attestations)
  const rows = shown.map((entry) =>
    el(
      'tr',
      { testid: 'attestation-row' },
      el('td', {}, platformOf.get(entry.of) || mono(shortDigest(entry.of || 'unknown'))),
      el('td', { class: 'number' }, sizeWords(entry.size)),
      el('td', {}, digestLink(place, entry.digest)),
    ),
  )
  return part(
    plural(model.attestations.length, 'attestation'),
    el(
      'p',
      { class: 'part-note' },
      'Statements about how an image was built. They are not platforms and are not pulled with the image.',
    ),
    note,
    table([['Image'], ['Manifest size', 'number'], ['Manifest']], rows),
  )
}

/** @param {Model} model */
export function layerTable(model) {
  const { shown, note } = cut(model.layers)
  const rows = shown.map((layer, index) =>
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
          mediaTypeName(layer.mediaType) ?? (layer.mediaType ? mono(layer.mediaType) : 'unknown'),
        ),
        layer.hasUrls && el('span', { class: 'faint' }, ' stored on another server'),
      ),
      el('td', { class: 'number' }, sizeWords(layer.size)),
      el('td', {}, mono(shortDigest(layer.digest), { title: layer.digest })),
    ),
  )
  return part(
    plural(model.layers.length, model.kind === 'image' || model.kind === 'schema1' ? 'layer' : 'blob'),
    note,
    table([['#', 'number'], ['Content'], ['Size', 'number'], ['Digest']], rows),
  )
}

/** @param {Model['annotations']} annotations */
export function annotationList(annotations) {
  const { shown, note } = cut(annotations)
  const list = shown.map(([key, value]) =>
    el('div', {}, el('dt', {}, mono(key)), el('dd', {}, el('bdi', {}, visible(value)))),
  )
  return [note, el('dl', { class: 'annotations' }, list)]
}
