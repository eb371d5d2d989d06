// What a manifest says, read carefully: every field may be missing, of another type, or absurd. Pure.

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

const list = (value) => (Array.isArray(value) ? value : [])
const record = (value) => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {})
const string = (value) => (typeof value === 'string' ? value : '')
const size = (value) => (Number.isSafeInteger(value) && value >= 0 ? value : null)

/**
 * Reads a manifest. `kind` is `index`, `image`, `helm`, `artifact`, `schema1` or `unknown`; lists are empty and strings
 * are `''` where the manifest has none, sizes null where it states none.
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

function kindOf(config, artifactType) {
  if (config?.mediaType === HELM) return 'helm'
  if (artifactType || !config || config.mediaType === EMPTY) return 'artifact'
  return CONFIG.has(config.mediaType) ? 'image' : 'artifact'
}

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

function annotations(value) {
  return Object.entries(record(value))
    .filter(([, text]) => typeof text === 'string')
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** `linux/arm64/v8`, with the OS version behind it when there is one; `''` when nothing useful is said. */
export function platformName(value) {
  const from = record(value)
  const parts = [string(from.os), string(from.architecture), string(from.variant)].filter(Boolean)
  if (parts.length === 0 || parts.every((part) => part === 'unknown')) return ''
  const version = string(from['os.version'])
  return parts.join('/') + (version ? ` ${version}` : '')
}

/** What pulling this manifest transfers: configuration and layers, or null when a size is not stated. */
export function pullSize({ config, layers }) {
  return sum([...(config ? [config] : []), ...layers])
}

/** The size of several images together, blobs that they share counted once; null when a size is not stated. */
export function sharedSize(models) {
  const blobs = new Map()
  for (const { config, layers } of models) {
    for (const blob of [...(config ? [config] : []), ...layers]) blobs.set(blob.digest, blob)
  }
  return sum([...blobs.values()])
}

function sum(blobs) {
  let total = 0
  for (const blob of blobs) {
    if (blob.size === null) return null
    total += blob.size
  }
  return total
}

/** What an image's configuration says that people look for: `{platform, created, command}`. */
export function readConfig(value) {
  const from = record(value)
  const run = record(from.config)
  return {
    platform: platformName(from),
    created: string(from.created),
    command: [...list(run.Entrypoint), ...list(run.Cmd)].filter((part) => typeof part === 'string'),
  }
}
