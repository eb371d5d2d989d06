// Formats numbers, times, digests and media types. Pure functions.

const COUNT = new Intl.NumberFormat('en')
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/**
 * `12345` → `12,345`.
 * @param {number} n
 */
export const count = (n) => COUNT.format(n)

/**
 * `1 tag`, `2 tags`.
 * @param {number} n
 * @param {string} one
 */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`

/**
 * A size in decimal units, as the docker command line shows it: `7.34 MB`.
 * @param {number | null | undefined} size
 */
export function bytes(size) {
  if (typeof size !== 'number' || !Number.isFinite(size) || size < 0) return 'unknown'
  if (size < 1000) return `${size} B`
  const units = ['kB', 'MB', 'GB', 'TB', 'PB']
  let value = size
  let unit = -1
  do {
    value /= 1000
    unit += 1
  } while (value >= 999.5 && unit < units.length - 1)
  return `${value.toPrecision(3)} ${units[unit]}`
}

/**
 * A time in the user's time zone. The day is left out when it is today.
 * @param {string | number | undefined} when
 */
export function moment(when) {
  const date = toDate(when)
  if (!date) return 'an unknown time'
  return date.toDateString() === new Date().toDateString() ? CLOCK.format(date) : DAY.format(date)
}

/**
 * A date with its time; null for an invalid date.
 * @param {string | number} when
 */
export function day(when) {
  const date = toDate(when)
  return date ? DAY.format(date) : null
}

/** @param {string | number | undefined} when */
function toDate(when) {
  const date = new Date(when ?? Number.NaN)
  return Number.isNaN(date.getTime()) ? null : date
}

/**
 * The first twelve hex digits, as docker shows them. The algorithm is shown unless it is sha256.
 * @param {unknown} digest
 */
export function shortDigest(digest) {
  const [algorithm, hex = ''] = String(digest).split(':')
  if (!hex) return String(digest)
  return algorithm === 'sha256' ? hex.slice(0, 12) : `${algorithm}:${hex.slice(0, 12)}`
}

const MEDIA_TYPES = new Map([
  ['application/vnd.oci.image.index.v1+json', 'OCI image index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'Docker manifest list'],
  ['application/vnd.oci.image.manifest.v1+json', 'OCI image manifest'],
  ['application/vnd.oci.artifact.manifest.v1+json', 'OCI artifact manifest'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'Docker image manifest'],
  ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'Docker manifest, schema 1 (signed)'],
  ['application/vnd.docker.distribution.manifest.v1+json', 'Docker manifest, schema 1'],
  ['application/vnd.oci.image.config.v1+json', 'OCI image config'],
  ['application/vnd.docker.container.image.v1+json', 'Docker image config'],
  ['application/vnd.oci.empty.v1+json', 'empty'],
  ['application/vnd.cncf.helm.config.v1+json', 'Helm chart config'],
  ['application/vnd.cncf.helm.chart.content.v1.tar+gzip', 'Helm chart'],
  ['application/vnd.in-toto+json', 'in-toto statement'],
  ['application/vnd.dev.cosign.artifact.sig.v1+json', 'cosign signature'],
])

/**
 * The name of a common media type, else null.
 * @param {string} type
 */
export function mediaTypeName(type) {
  const name = MEDIA_TYPES.get(type)
  if (name !== undefined) return name
  const layer =
    /^application\/vnd\.(?:oci\.image|docker\.image\.rootfs)(\.foreign)?\.?.*?(?:layer|diff)(.*)$/.exec(type)
  if (!layer) return null
  const kind = /zstd/.test(type) ? 'tar, zstd' : /gzip/.test(type) ? 'tar, gzip' : 'tar'
  return /foreign|nondistributable/.test(type) ? `${kind}, not distributable` : kind
}

const BY_NUMBER = new Intl.Collator('en', { numeric: true })
const VERSION = /^v?(\d+(?:\.\d+)*)(.*)$/

/**
 * Compares two tags: higher versions first, a release before its suffixed versions (`2.0.0` before `2.0.0-rc.1`), tags
 * without a version last.
 * @param {string} a
 * @param {string} b
 */
export function newestFirst(a, b) {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)]
  if (!left || !right) return left ? -1 : right ? 1 : BY_NUMBER.compare(a, b)
  return (
    BY_NUMBER.compare(right[1], left[1]) ||
    (left[2] ? 1 : 0) - (right[2] ? 1 : 0) ||
    BY_NUMBER.compare(right[2], left[2])
  )
}
