import { explain } from 'dockpass/errors'
import { useCallback, useEffect, useState } from 'react'
import { Login } from './Login.jsx'
import { useNames, useRegistries, useRegistry } from './useRegistry.js'

/** Where `cargo xtask run` starts the key server. */
const KEY_SERVER = import.meta.env.VITE_KEY_SERVER ?? 'http://127.0.0.1:8780/'

export function App() {
    const { registries, error } = useRegistries(KEY_SERVER)
    const [chosen, choose] = useState('')
    if (error) return <Problem error={error} />
    if (registries === null) return <p role="status">Loading …</p>
    const registry = chosen || registries[0]?.registry
    return (
        <main>
            <h1>Registry browser</h1>
            <label>
                Registry{' '}
                <select value={registry} onChange={(event) => choose(event.target.value)}>
                    {registries.map(({ registry, name }) => (
                        <option key={registry} value={registry}>
                            {name}
                        </option>
                    ))}
                </select>
            </label>
            <Registry key={registry} registry={registry} />
        </main>
    )
}

function Registry({ registry }) {
    const { client, session, error, login, logout } = useRegistry(KEY_SERVER, registry)
    const [isAnonymous, setAnonymous] = useState(false)
    if (error) return <Problem error={error} />
    if (client === null) return <p role="status">Connecting …</p>
    if (session === null && !isAnonymous) return <Login login={login} browse={() => setAnonymous(true)} />
    return (
        <>
            <p>
                {session ? `Logged in as ${session.username} ` : 'Not logged in '}
                <button onClick={session ? logout : () => setAnonymous(false)}>
                    {session ? 'Log out' : 'Log in'}
                </button>
            </p>
            {/* Another user must not see what the last one saw. */}
            <Browser key={session?.username ?? ''} client={client} />
        </>
    )
}

function Browser({ client }) {
    const [repository, setRepository] = useState(null)
    const catalog = useNames(useCallback((options) => client.catalog(options), [client]))
    return (
        <>
            <Names title="Repositories" list={catalog} selected={repository} select={setRepository} />
            {repository !== null && <Tags key={repository} client={client} repository={repository} />}
        </>
    )
}

function Tags({ client, repository }) {
    const [tag, setTag] = useState(null)
    const tags = useNames(useCallback((options) => client.tags(repository, options), [client, repository]))
    return (
        <>
            <Names title={`Tags of ${repository}`} list={tags} selected={tag} select={setTag} />
            {tag !== null && <Manifest key={tag} client={client} repository={repository} tag={tag} />}
        </>
    )
}

function Manifest({ client, repository, tag }) {
    const [{ manifest, error }, setState] = useState({})
    useEffect(() => {
        const controller = new AbortController()
        const { signal } = controller
        client
            .manifest(repository, tag, { signal })
            .then((manifest) => setState({ manifest }))
            .catch((error) => signal.aborted || setState({ error }))
        return () => controller.abort()
    }, [client, repository, tag])
    if (error) return <Problem error={error} />
    if (!manifest) return <p role="status">Loading …</p>
    return (
        <>
            <h2>{tag}</h2>
            <p>
                <code>{manifest.digest}</code>
            </p>
            <pre>{JSON.stringify(manifest.manifest, null, 2)}</pre>
        </>
    )
}

function Names({ title, list: { names, done, error }, selected, select }) {
    return (
        <section aria-label={title}>
            <h2>{title}</h2>
            <ul>
                {names.map((name) => (
                    <li key={name}>
                        <button aria-pressed={name === selected} onClick={() => select(name)}>
                            {name}
                        </button>
                    </li>
                ))}
            </ul>
            {error && <Problem error={error} />}
            <p role="status">{done ? `${names.length} in all` : 'Loading …'}</p>
        </section>
    )
}

export function Problem({ error }) {
    const { title, text, code } = explain(error)
    return (
        <p role="alert">
            <strong>{title}</strong> {text} <small>{code}</small>
        </p>
    )
}
