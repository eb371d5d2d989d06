// Reads manifests defensively: every field may be missing or have any type. Pure functions.

/**
 * A descriptor: the description of a manifest or blob. Strings are empty and `size` is null when it does not state them.
 * @typedef {ReturnType<typeof descriptor>} Descriptor
 */

/**
 * A manifest. Lists and strings are empty where it has none; `of` is the digest of the image that an attestation is about.
 * @typedef {{
 *   kind: 'index' | 'image' | 'helm' | 'artifact' | 'schema1' | 'unknown',
 *   mediaType: string,
 *   artifactType: string,
 *   annotations: [name: string, value: string][],
 *   subject: Descriptor | null,
 *   config: Descriptor | null,
 *   layers: Descriptor[],
 *   children: Descriptor[],
 *   attestations: (Descriptor & { of: string })[],
 * }} Model
 */

const INDEX = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
])
const CONFIG = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])
const HELM = 'application/vnd.cncf.helm.config.v1+json'
const EMPTY = 'application/vnd.oci.empty.v1+json'

/** @param {unknown} value @returns {any[]} */
const list = (value) => (Array.isArray(value) ? value : [])
/** @param {unknown} value @returns {Record<string, any>} */
const record = (value) => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {})
/** @param {unknown} value */
const string = (value) => (typeof value === 'string' ? value : '')
/** @param {unknown} value */
const size = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null

/**
 * Reads a manifest.
 * @param {unknown} mediaType
 * @param {unknown} manifest
 * @returns {Model}
 */
export function readManifest(mediaType, manifest) {
  const doc = record(manifest)
  const type = string(mediaType) || string(doc.mediaType)
  const common = {
    mediaType: type,
    artifactType: string(doc.artifactType),
    annotations: annotations(doc.annotations),
    subject: doc.subject ? descriptor(doc.subject) : null,
    config: null,
    layers: [],
    children: [],
    attestations: [],
  }
  if (INDEX.has(type) || (Array.isArray(doc.manifests) && !Array.isArray(doc.layers)))
    return { ...common, kind: 'index', ...readIndex(doc) }
  if (doc.schemaVersion === 1) {
    return {
      ...common,
      kind: 'schema1',
      layers: list(doc.fsLayers)
        .map((layer) => descriptor({ digest: record(layer).blobSum }))
        .reverse(),
    }
  }
  if (!doc.config && !Array.isArray(doc.layers) && !Array.isArray(doc.blobs))
    return { ...common, kind: 'unknown' }
  const config = doc.config ? descriptor(doc.config) : null
  const layers = list(doc.layers ?? doc.blobs).map(descriptor)
  return { ...common, kind: kindOf(config, common.artifactType), config, layers }
}

/** @param {Descriptor | null} config @param {string} artifactType */
function kindOf(config, artifactType) {
  if (config?.mediaType === HELM) return 'helm'
  if (artifactType || !config || config.mediaType === EMPTY) return 'artifact'
  return CONFIG.has(config.mediaType) ? 'image' : 'artifact'
}

/** @param {Record<string, any>} doc */
function readIndex(doc) {
  const children = []
  const attestations = []
  for (const entry of list(doc.manifests).map(descriptor)) {
    const marks = Object.fromEntries(entry.annotations)
    if (marks['vnd.docker.reference.type'] === 'attestation-manifest') {
      attestations.push({ ...entry, of: marks['vnd.docker.reference.digest'] ?? '' })
    } else {
      children.push(entry)
    }
  }
  return { children, attestations }
}

/** @param {unknown} value */
function descriptor(value) {
  const from = record(value)
  return {
    mediaType: string(from.mediaType),
    digest: string(from.digest),
    size: size(from.size),
    artifactType: string(from.artifactType),
    platform: from.platform ? platformName(from.platform) : '',
    annotations: annotations(from.annotations),
    isIndex: INDEX.has(from.mediaType),
    hasUrls: list(from.urls).length > 0,
  }
}

/** @param {unknown} value @returns {[name: string, value: string][]} */
function annotations(value) {
  return Object.entries(record(value))
    .filter(([, text]) => typeof text === 'string')
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/**
 * `linux/arm64/v8`, followed by the OS version if there is one; `''` when the platform is unknown.
 * @param {unknown} value
 */
export function platformName(value) {
  const from = record(value)
  const parts = [string(from.os), string(from.architecture), string(from.variant)].filter(Boolean)
  if (parts.length === 0 || parts.every((part) => part === 'unknown')) return ''
  const version = string(from['os.version'])
  return parts.join('/') + (version ? ` ${version}` : '')
}

/**
 * The size of a pull: configuration and layers. Null when a size is missing.
 * @param {Pick<Model, 'config' | 'layers'>} model
 */
export function pullSize({ config, layers }) {
  return sum([...(config ? [config] : []), ...layers])
}

/**
 * The size of several images; shared blobs are counted once. Null when a size is missing.
 * @param {Pick<Model, 'config' | 'layers'>[]} models
 */
export function sharedSize(models) {
  const blobs = new Map()
  for (const { config, layers } of models) {
    for (const blob of [...(config ? [config] : []), ...layers]) blobs.set(blob.digest, blob)
  }
  return sum([...blobs.values()])
}

/** @param {Descriptor[]} blobs */
function sum(blobs) {
  let total = 0
  for (const blob of blobs) {
    if (blob.size === null) return null
    total += blob.size
  }
  return total
}

/**
 * The parts of an image's configuration that the page shows.
 * @param {unknown} value
 */
export function readConfig(value) {
  const from = record(value)
  const run = record(from.config)
  return {
    platform: platformName(from),
    created: string(from.created),
    command: [...list(run.Entrypoint), ...list(run.Cmd)].filter((part) => typeof part === 'string'),
  }
}
