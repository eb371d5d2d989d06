// A hook that connects to a registry and follows the session.

import init, { RegistryClient } from 'dockpass/client'
import { useCallback, useEffect, useState } from 'react'

/** The registries of a key server; `null` until they are known. */
export function useRegistries(keyServer) {
  const [state, setState] = useState({ registries: null, error: null })
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    init()
      .then(() => RegistryClient.registries({ keyServer, signal }))
      .then((registries) => setState({ registries, error: null }))
      .catch((error) => signal.aborted || setState({ registries: null, error }))
    return () => controller.abort()
  }, [keyServer])
  return state
}

/**
 * A client of a registry. `client` is `null` until it is connected. `session` is `null` while nobody is logged in, and is a
 * new object whenever somebody else is.
 */
export function useRegistry(keyServer, registry) {
  const [state, setState] = useState({ client: null, session: null, error: null })

  useEffect(() => {
    setState({ client: null, session: null, error: null })
    if (!registry) return
    const controller = new AbortController()
    const { signal } = controller
    let connected
    init()
      .then(() => RegistryClient.connect({ keyServer, registry, signal }))
      .then((client) => {
        if (signal.aborted) return client.close()
        connected = client
        const changed = () => setState({ client, session: client.session, error: null })
        // After a login or logout here or in another tab, and at the end of the session.
        client.addEventListener('session', changed)
        changed()
      })
      .catch((error) => signal.aborted || setState({ client: null, session: null, error }))
    return () => {
      controller.abort()
      connected?.close()
    }
  }, [keyServer, registry])

  const { client } = state
  const login = useCallback((credentials, options) => client.login(credentials, options), [client])
  const logout = useCallback(() => client.logout(), [client])
  return { ...state, login, logout }
}

/**
 * The names of a listing, which grow while its pages arrive.
 * @param {((options: { signal: AbortSignal }) => AsyncIterable<string>) | null} list Wrap it in `useCallback`.
 */
export function useNames(list) {
  const [state, setState] = useState({ names: [], done: false, error: null })
  useEffect(() => {
    setState({ names: [], done: list === null, error: null })
    if (list === null) return
    const controller = new AbortController()
    const { signal } = controller
    async function read() {
      try {
        for await (const { names } of list({ signal }).pages()) {
          if (signal.aborted) return
          setState((before) => ({ ...before, names: [...before.names, ...names] }))
        }
        setState((before) => ({ ...before, done: true }))
      } catch (error) {
        if (!signal.aborted) setState((before) => ({ ...before, done: true, error }))
      }
    }
    void read()
    return () => controller.abort()
  }, [list])
  return state
}
