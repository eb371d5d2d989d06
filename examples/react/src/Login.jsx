import { explain } from 'dockpass/errors'
import { useState } from 'react'

export function Login({ login, browse }) {
    const [error, setError] = useState(null)
    const [isBusy, setBusy] = useState(false)

    async function submit(event) {
        event.preventDefault()
        const { username, password } = Object.fromEntries(new FormData(event.currentTarget))
        setError(null)
        setBusy(true)
        try {
            await login({ username, password })
        } catch (error) {
            setError(explain(error))
            setBusy(false)
        }
    }

    return (
        <form onSubmit={submit} method="post">
            <label>
                User name <input name="username" autoComplete="username" required />
            </label>
            <label>
                Password <input name="password" type="password" autoComplete="current-password" required />
            </label>
            <button disabled={isBusy}>Log in</button>
            <button type="button" onClick={browse}>
                Browse without logging in
            </button>
            {error && (
                <p role="alert">
                    <strong>{error.title}</strong> {error.text}
                </p>
            )}
        </form>
    )
}
