// Real clients: skopeo and crane push the images and list the registry's content.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './process.mjs'

/**
 * Clients that log in to `host` as `user`, by the registry's own authorization. Credentials are in a file of docker's
 * format. Without `user` they are anonymous.
 * @param {{ skopeo?: string, crane?: string, regctl?: string, folder: string, host: string, user?: string, password?: string }} options
 */
export async function clients({ skopeo, crane, regctl, folder, host, user, password }) {
  await mkdir(folder, { recursive: true })
  const auths =
    user === undefined ? {} : { [host]: { auth: Buffer.from(`${user}:${password}`).toString('base64') } }
  const authFile = join(folder, 'config.json')
  await writeFile(authFile, JSON.stringify({ auths }), { mode: 0o600 })
  const regctlFile = join(folder, 'regctl.json')
  const hosts = { [host]: { tls: 'disabled', ...(user !== undefined && { user, pass: password }) } }
  await writeFile(regctlFile, JSON.stringify({ hosts }), { mode: 0o600 })
  const env = { DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: authFile, REGCTL_CONFIG: regctlFile, HOME: folder }

  return {
    /** Pushes an OCI layout with skopeo, all platforms; `format` may be `v2s2` for docker's own media types. */
    skopeoPush: (image, repository, tag, /** @type {{ format?: string }} */ { format } = {}) =>
      run(
        skopeo,
        [
          '--insecure-policy',
          'copy',
          '--all',
          '--quiet',
          '--dest-tls-verify=false',
          ...(format ? ['--format', format] : []),
          `oci:${image.folder}:latest`,
          `docker://${host}/${repository}:${tag}`,
        ],
        { env },
      ),

    /** Pushes an OCI layout with crane. */
    cranePush: (image, repository, tag) =>
      run(crane, ['push', '--insecure', image.folder, `${host}/${repository}:${tag}`], { env }),

    /** Pushes an OCI layout with regctl, all platforms. */
    regctlPush: (image, repository, tag) =>
      run(regctl, ['image', 'copy', `ocidir://${image.folder}:latest`, `${host}/${repository}:${tag}`], {
        env,
      }),

    /** Adds a tag to what `tag` names. */
    craneTag: (repository, tag, newTag) =>
      run(crane, ['tag', '--insecure', `${host}/${repository}:${tag}`, newTag], { env }),

    /** Tags, sorted, as crane lists them. */
    tags: async (repository) =>
      (await run(crane, ['ls', '--insecure', `${host}/${repository}`], { env })).stdout
        .trim()
        .split('\n')
        .sort(),

    /** Repositories, sorted, as crane lists them. */
    catalog: async () =>
      (await run(crane, ['catalog', '--insecure', host], { env })).stdout.trim().split('\n').sort(),

    /** The digest of a tag as crane finds it. */
    digest: async (repository, tag) =>
      (await run(crane, ['digest', '--insecure', `${host}/${repository}:${tag}`], { env })).stdout.trim(),

    /** Whether crane may read a manifest. */
    mayPull: async (repository, tag) =>
      (await run(crane, ['manifest', '--insecure', `${host}/${repository}:${tag}`], { env, expect: null }))
        .code === 0,
  }
}
